"""Golden decisions: one small scene, and the plan that each profile makes of it; no audio.

After a change that is meant: `python3 -m pytest tests/golden --rewrite-golden`, then read the diff. Levels may be off
by 0.05 dB and indices by 0.005, so that another processor passes; times are exact.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stemmix.bands import BAND_COUNT
from stemmix.dsp.dynamics import Shape, StemGains
from stemmix.model.plan import Plan, layers_of
from stemmix.model.profiles import PROFILES
from tests.planning.scene_features import RATE_HZ, Scene, Sound, Told, bed, line, scene

FOLDER = Path(__file__).parent
CASES = (*PROFILES, "frequency")
NEAR_DB, NEAR = 0.05, 0.005


def told(case: str) -> Scene:
    """Two close lines and a lone one, over music that swells, an effect with a hit, a second voice to sing, and air."""
    fields: dict[str, Any] = {"profile": "film", "method": "frequency"} if case == "frequency" else {"profile": case}
    return scene(
        Told("DX", "dialogue", (line(2.0, 4.0), line(4.5, 6.0), line(12.0, 13.5, -46.0))),
        Told("VOX", "lead", (Sound(16.0, 18.0, -54.0, is_voice=True),)),
        Told("MX", "music", (bed(0.0, 20.0, -56.0), bed(11.0, 19.0, -53.0))),
        Told("FX", "fx", (Sound(5.0, 8.0, -57.0, 300, 6000), Sound(12.2, 12.6, -46.0, 300, 6000)), hits_s=(12.2,)),
        Told("AMB", "ambience", (bed(0.0, 20.0, -66.0),)),
        seconds=20.0,
        **fields,
    )


@cache
def plan_of(case: str) -> Plan:
    return told(case).decide()


def summary(case: str) -> dict[str, Any]:
    """The decisions, and why the profile differs from film: as the golden file holds them."""
    whole = json.loads(plan_of(case).model_dump_json(by_alias=True, exclude={"stems", "edges", "conflicts"}))
    return {"why": PROFILES[whole["profile"]].why, **whole}


def differences(golden: Any, found: Any, place: str = "") -> list[str]:
    """Where two documents differ: levels by more than `NEAR_DB`, other figures by `NEAR`, all else at all."""
    if isinstance(golden, dict) and isinstance(found, dict) and golden.keys() == found.keys():
        return [said for key in golden for said in differences(golden[key], found[key], f"{place}.{key}")]
    if isinstance(golden, list) and isinstance(found, list) and len(golden) == len(found):
        pairs = enumerate(zip(golden, found, strict=True))
        return [said for at, pair in pairs for said in differences(*pair, f"{place}[{at}]")]
    if isinstance(golden, float) and isinstance(found, float):
        same = abs(golden - found) <= (NEAR_DB if "_db" in place else NEAR)
    else:
        same = golden == found
    return [] if same else [f"{place}: golden {_short(golden)}, found {_short(found)}"]


def _short(value: Any) -> str:
    """Of a list, how much of what: a golden file is long."""
    if isinstance(value, list):
        return f"{len(value)} of {[one.get('id') if isinstance(one, dict) else one for one in value]}"
    return repr(value)


@pytest.mark.parametrize("case", CASES)
def test_the_plan_is_the_golden_one(case: str, rewrite: bool) -> None:
    path = FOLDER / f"{case}.json"
    found = summary(case)
    if rewrite:
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    assert path.exists(), f"{path.name} is missing: python3 -m pytest tests/golden --rewrite-golden writes it"
    said = differences(json.loads(path.read_text("utf-8")), found)
    assert not said, "\n".join([*said[:20], "if it is meant: python3 -m pytest tests/golden --rewrite-golden"])


def test_every_golden_file_has_its_case() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == set(CASES)


def test_a_difference_is_seen_and_a_rounding_is_none() -> None:
    golden = {"moves": [{"id": "a", "mid_db": [-3.0, 0.0], "line": None}], "frames": 960, "clarity": 0.5}
    near = {"moves": [{"id": "a", "mid_db": [-3.04, 0.0], "line": None}], "frames": 960, "clarity": 0.504}
    assert not differences(golden, near)
    for other in (
        {"moves": [{"id": "a", "mid_db": [-3.06, 0.0], "line": None}], "frames": 960},
        {"moves": [{"id": "a", "mid_db": [-3.0], "line": None}], "frames": 960},
        {"moves": [{"id": "b", "mid_db": [-3.0, 0.0], "line": None}], "frames": 960},
        {"moves": [{"id": "a", "mid_db": [-3.0, 0.0], "line": "DX-0002.0"}], "frames": 960},
        {"moves": [], "frames": 960},
        {"frames": 960},
        {"moves": [{"id": "a", "mid_db": [-3.0, 0.0], "line": None}], "frames": 961},
    ):
        assert len(differences(golden, {"clarity": 0.5, **other})) == 1
    assert len(differences(golden, {**golden, "clarity": 0.51})) == 1


def cut_db(case: str, stem: str, start_s: float, end_s: float) -> float:
    """Mean of what is done to a stem's mid."""
    plan = plan_of(case)
    shape = Shape(plan.shape.look_ahead_s, plan.shape.hold_s, plan.shape.ramp_s)
    layers = layers_of(move for move in plan.moves if move.stem == stem)
    times = np.arange(start_s * RATE_HZ, end_s * RATE_HZ, 480)
    return float(StemGains(layers, shape, RATE_HZ, 2 * BAND_COUNT).at(times)[:, :BAND_COUNT].mean())


def bed_db(case: str) -> float:
    return sum(cut_db(case, stem, *at) for stem in ("MX", "FX", "AMB") for at in ((2, 4), (4.5, 6), (12, 13.5)))


def lead_in_s(case: str) -> float:
    """How long the music has been moving when the first line begins."""
    return next(second for second in np.arange(0.0, 2.0, 0.01)[::-1] if cut_db(case, "MX", second, second + 0.01) == 0)


@pytest.mark.parametrize("case", [case for case in CASES if case != "film"])
def test_every_plan_differs_from_films(case: str) -> None:
    assert plan_of(case).moves != plan_of("film").moves


def test_film_is_the_measure() -> None:
    film = plan_of("film")
    assert all(line.target == "DX" for line in film.lines)
    assert all(line.clarity_before < 0.5 <= line.clarity_after for line in film.lines)
    assert film.outcome is not None
    assert film.outcome.outside_db == 0.0


def test_a_series_is_a_little_clearer_and_moves_a_little_slower() -> None:
    assert plan_of("film").clarity_goal < plan_of("series").clarity_goal < plan_of("documentary").clarity_goal
    assert bed_db("documentary") < bed_db("series") < bed_db("film")
    assert lead_in_s("documentary") < lead_in_s("series") < lead_in_s("film")


def test_a_trailer_leaves_lines_lower_spares_the_hit_and_moves_quickly() -> None:
    assert bed_db("film") < bed_db("trailer") < 0
    assert cut_db("trailer", "FX", 12.0, 13.5) > cut_db("film", "FX", 12.0, 13.5)
    assert lead_in_s("trailer") > lead_in_s("film")


def test_narration_is_followed_without_effort() -> None:
    assert all(line.clarity_after >= 0.6 for line in plan_of("documentary").lines)
    assert any(line.clarity_after < 0.6 for line in plan_of("film").lines)


def test_in_a_podcast_the_bed_is_cheaper_than_in_a_documentary_at_the_same_goal() -> None:
    """A hit is spared less beside the music, and moves are a little quicker."""
    assert plan_of("podcast").clarity_goal == plan_of("documentary").clarity_goal
    struck = {
        case: cut_db(case, "FX", 12.0, 13.5) / cut_db(case, "MX", 12.0, 13.5) for case in ("podcast", "documentary")
    }
    assert struck["podcast"] > struck["documentary"] > 0
    assert lead_in_s("podcast") > lead_in_s("documentary")


def test_a_song_clears_its_lead_and_shallowly() -> None:
    plan = plan_of("music")
    assert {line.target for line in plan.lines} == {"VOX"}
    assert {move.action.kind for move in plan.moves} <= {"unmask", "scene"}
    assert cut_db("music", "MX", 16.0, 18.0) < 0 == cut_db("film", "MX", 16.0, 18.0)
    assert not any(move.stem in {"DX", "VOX"} for move in plan.moves)


def test_in_a_game_effects_are_lines_too() -> None:
    assert {line.target for line in plan_of("game").lines} == {"DX", "FX"}
    assert cut_db("game", "MX", 7.0, 7.9) < 0 == cut_db("film", "MX", 7.0, 7.9)


def test_for_speech_only_the_words_count() -> None:
    assert plan_of("speech").clarity_goal == max(plan_of(case).clarity_goal for case in CASES)
    assert bed_db("speech") == min(bed_db(case) for case in CASES if case != "frequency")


def test_frequency_based_mixing_cuts_everywhere_alike() -> None:
    assert {move.action.kind for move in plan_of("frequency").moves} == {"static"}
    assert cut_db("frequency", "MX", 9.0, 10.0) < 0
    assert cut_db("frequency", "MX", 9.0, 10.0) == pytest.approx(cut_db("frequency", "MX", 2.0, 4.0))
    assert cut_db("film", "MX", 9.0, 10.0) == 0
