#!/usr/bin/env python3
"""What `stemmix` makes of a programme at its defaults, beside what a person would reach for instead.

    python tests/bench/quality.py                          # the example, and the reels of ../shared where they are
    python tests/bench/quality.py film.json --quick        # one project, against the patient mixer alone
    python tests/bench/quality.py --reels FOLDER --markdown

A reel is a folder of stems whose roles can be told from their names. Every programme is rendered in a temporary folder,
scored as its stems were printed (`scoring`), and held against rivals (`rivals`) that were tuned twice: to equal clarity
of the worst quarter of lines, and to equal ESTOI of the whole. What is printed ends with the goals, and so does the
program: with 1 where one is missed. A minute or two a programme of 90 s.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from stemmix.create import AUDIO_SUFFIXES
from stemmix.errors import StemmixError
from stemmix.model.plan import Plan
from stemmix.units import db_from_gain
from tests.bench import timing, verdict
from tests.bench.rendering import Rendering, render, sum_residual_dbfs
from tests.bench.rivals import NEAR_CLARITY, NEAR_ESTOI, ONE_SETTING, PatientMixer, Rival, SidechainCompress, Tuned
from tests.bench.scoring import CLEAR_ENOUGH, HOP, RATE_HZ, Floats, Scene
from tests.bench.verdict import CLARITY, ESTOI, OURS, LostLine, Programme

REPOSITORY = Path(__file__).resolve().parents[2]
EXAMPLE = REPOSITORY / "projects" / "film_reel3.json"
REELS = REPOSITORY.parent / "shared" / "reels"


def compare(name: str, rendering: Rendering, rivals: Sequence[type[Rival]], tell: Callable[[str], None]) -> Programme:
    """Score a rendering, and tune the rivals to it."""
    scene = Scene(rendering.came(dialogue=True), rendering.came(dialogue=False))
    if not scene.lines:
        raise SystemExit(f"{name}: no line of dialogue was found, nothing to score")
    dialogue, bed = rendering.printed(dialogue=True), rendering.printed(dialogue=False)
    gain = scene.overall_gain(dialogue)
    dialogue, bed = dialogue / gain, bed / gain
    mix, clarity = scene.score(bed, dialogue)
    tuned: dict[str, dict[str, Tuned]] = {CLARITY: {}, ESTOI: {}} if rivals else {}
    for kind in rivals:
        tell(f"{name}: {kind.name}")
        rival = kind(scene)
        tuned[CLARITY][kind.name] = rival.tuned("worst_quarter_gain", mix.worst_quarter_gain, NEAR_CLARITY)
        tuned[ESTOI][kind.name] = rival.tuned("estoi_gain", mix.estoi_gain, NEAR_ESTOI)
    measured, asked = rendering.master.measured, rendering.specification
    loudness_lufs, peak_dbtp = measured.integrated_lufs, measured.true_peak_dbtp
    if loudness_lufs is None or peak_dbtp is None:
        raise SystemExit(f"{name}: its master is silent, nothing to score")
    if asked.loudness is None or asked.loudness.method != "programme" or asked.loudness.aim is None:
        raise SystemExit(f"{name}: {asked.name} has no target of programme loudness to score against")
    return Programme(
        name=name,
        lines=len(scene.lines),
        lost_before=scene.lost_before,
        mix=mix,
        voice=scene.voice(dialogue),
        gain_db=db_from_gain(gain),
        sum_dbfs=sum_residual_dbfs(rendering),
        loudness_error_lu=abs(loudness_lufs - asked.loudness.aim),
        over_ceiling_db=peak_dbtp - asked.ceiling_dbtp,
        lost=tuple(_lost_lines(scene, clarity, rendering.plan)),
        rivals=tuned,
    )


def _lost_lines(scene: Scene, clarity: Floats, plan: Plan) -> Iterator[LostLine]:
    for line, before, after in zip(scene.lines, scene.lines_before, clarity, strict=True):
        if after >= CLEAR_ENOUGH:
            continue
        start, end = line.start * HOP, line.stop * HOP
        planned = [one for one in plan.lines if min(one.end, end) > max(one.start, start)]
        said = ", ".join(f"{one.id} {one.clarity_after:.3f}: {one.stopped_by}" for one in planned)
        yield LostLine(start / RATE_HZ, end / RATE_HZ, float(before), float(after), said or "no line")


def reels_in(folder: Path) -> list[Path]:
    """The folder itself where audio lies in it, else its folders where audio lies."""

    def is_reel(place: Path) -> bool:
        return any(file.suffix.lower() in AUDIO_SUFFIXES for file in place.iterdir())

    return (
        [folder]
        if is_reel(folder)
        else [place for place in sorted(folder.iterdir()) if place.is_dir() and is_reel(place)]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("projects", nargs="*", type=Path, metavar="PROJECT.json")
    parser.add_argument("--reels", type=timing.folder, metavar="FOLDER", help="a folder of stems, or of such folders")
    parser.add_argument("--quick", action="store_true", help="no rival but the patient mixer")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was measured")
    parser.add_argument("--markdown", action="store_true", help="only the tables that README shows")
    given = parser.parse_args()
    programmes: list[Path] = given.projects + (reels_in(given.reels) if given.reels else [])
    if not programmes:
        programmes = [EXAMPLE, *(reels_in(REELS) if REELS.is_dir() else [])]

    rivals: list[type[Rival]] = [PatientMixer]
    if not given.quick:
        rivals += [kind for kind in ONE_SETTING if kind is not SidechainCompress or SidechainCompress.is_there()]
        if len(rivals) == len(ONE_SETTING):
            print("ffmpeg is not installed: its sidechaincompress takes no part", file=sys.stderr)

    def tell(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    results = []
    for programme in programmes:
        with tempfile.TemporaryDirectory(prefix="stemmix-quality-") as folder:
            tell(f"{programme.stem}: {OURS}")
            try:
                rendering = render(programme, Path(folder))
            except StemmixError as fault:
                raise SystemExit(str(fault)) from None
            results.append(compare(programme.stem, rendering, rivals, tell))
        if not given.markdown:
            print(verdict.story(results[-1]), end="\n\n", flush=True)
    print(verdict.summary(results) if given.markdown or len(results) > 1 else verdict.goals(results))
    if given.json:
        given.json.write_text(verdict.as_json(results) + "\n", "utf-8")
    sys.exit(any(goal.is_missed(results) for goal in verdict.GOALS))


if __name__ == "__main__":
    main()
