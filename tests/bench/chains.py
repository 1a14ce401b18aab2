"""What a person would build in ffmpeg for the same four stems: mix, loudness, limiter. It decides nothing, hears none.

Four equalizers a stem, music and effects ducked under dialogue by sidechaincompress, amix. Then a loudness standard:
the mix written as float while ebur128 reads it, linear gain to the target, alimiter at 192 kHz; or two passes of
loudnorm. ffmpeg's default slice threads double what its equalizer costs, so the strongest chain runs on one thread.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.bench.long_reels import CEILING_DBTP, RATE_HZ, LongReel
from tests.bench.timing import Cost, measured

_BELLS = ((120, 1), (500, -2), (2500, -3), (8000, -1))
_DUCK = "sidechaincompress=threshold=0.05:ratio=8:attack=20:release=250"
_PACKED = ("-ar", str(RATE_HZ), "-c:a", "pcm_s24le")


def in_two_graphs(reel: LongReel, cache: Path, target_lufs: float) -> Cost:
    """The strongest chain: the mix to a float file while its loudness is read, then gain and limiter; one thread."""
    mixed, written = cache / "graph.float.wav", cache / "graph.wav"
    start = _start(one_thread=True)
    mix = f"{_mix_graph()},ebur128=framelog=verbose[mix]"
    to_float = ("-map", "[mix]", "-c:a", "pcm_f32le", "-rf64", "auto", str(mixed))
    first, said = measured([*start, *_inputs(reel), "-filter_complex", mix, *to_float], cache)
    master = f"[0:a]{_master_graph(target_lufs - _integrated_lufs(said))}[out]"
    to_wave = ("-map", "[out]", *_PACKED, str(written))
    second, _ = measured([*start, "-i", str(mixed), "-filter_complex", master, *to_wave], cache)
    mixed.unlink()
    return first + second


def twice_over(reel: LongReel, cache: Path, target_lufs: float) -> Cost:
    """The same as it is mostly written: the whole graph run twice, on ffmpeg's default threads."""
    start = _start(one_thread=False)
    mix = f"{_mix_graph()},ebur128=framelog=verbose[mix]"
    first, said = measured([*start, *_inputs(reel), "-filter_complex", mix, "-map", "[mix]", "-f", "null", "-"], cache)
    whole = f"{_mix_graph()},{_master_graph(target_lufs - _integrated_lufs(said))}[out]"
    to_wave = ("-map", "[out]", *_PACKED, str(cache / "graph.wav"))
    second, _ = measured([*start, *_inputs(reel), "-filter_complex", whole, *to_wave], cache)
    return first + second


def by_loudnorm(reel: LongReel, cache: Path, target_lufs: float, *, one_thread: bool) -> Cost:
    """Two passes of loudnorm after the same mix, the second with what the first has measured."""
    start = _start(one_thread=one_thread)
    aim = f"loudnorm=I={target_lufs}:TP={CEILING_DBTP}:LRA=20"
    mix = f"{_mix_graph()},{aim}:print_format=json[mix]"
    first, said = measured([*start, *_inputs(reel), "-filter_complex", mix, "-map", "[mix]", "-f", "null", "-"], cache)
    read = json.loads(said[said.rindex("{") : said.rindex("}") + 1])
    known = ":".join(
        f"measured_{name}={read[key]}"
        for name, key in (("I", "input_i"), ("TP", "input_tp"), ("LRA", "input_lra"), ("thresh", "input_thresh"))
    )
    whole = f"{_mix_graph()},{aim}:{known}:offset={read['target_offset']}:linear=true[out]"
    to_wave = ("-map", "[out]", *_PACKED, str(cache / "graph.wav"))
    second, _ = measured([*start, *_inputs(reel), "-filter_complex", whole, *to_wave], cache)
    return first + second


def _start(*, one_thread: bool) -> tuple[str, ...]:
    start = ("ffmpeg", "-hide_banner", "-nostats", "-nostdin", "-y")
    return (*start, "-filter_complex_threads", "1") if one_thread else start


def _inputs(reel: LongReel) -> list[str]:
    return [word for role in ("dialogue", "music", "fx", "ambience") for word in ("-i", str(reel.file(role)))]


def _mix_graph() -> str:
    bells = ",".join(f"equalizer=f={hz}:width_type=q:w=1:g={gain_db}" for hz, gain_db in _BELLS)
    chains = [f"[{index}:a]{bells}" for index in range(4)]
    return (
        f"{chains[0]},asplit=3[dx][key1][key2];{chains[1]}[m];[m][key1]{_DUCK}[mx];{chains[2]}[f];[f][key2]{_DUCK}[fx];"
        f"{chains[3]}[amb];[dx][mx][fx][amb]amix=inputs=4:normalize=0"
    )


def _master_graph(gain_db: float) -> str:
    ceiling = 10 ** (CEILING_DBTP / 20)
    limiter = f"alimiter=limit={ceiling:.6f}:level=disabled"
    return f"volume={gain_db:.2f}dB,aresample=192000,{limiter},aresample={RATE_HZ}"


def _integrated_lufs(said: str) -> float:
    return float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])
