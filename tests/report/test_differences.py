"""What `diff` says: words and tables of a difference that is given, whole."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from stemmix.model.difference import (
    AudioChange,
    Change,
    Difference,
    MoveChange,
    Pair,
    Place,
    PlanChange,
    SceneChange,
    SceneLoudness,
)
from stemmix.report.differences import difference_json, difference_text

MOVE = MoveChange(
    change="changed",
    id="DX-0083.52-MX-unmask",
    stem="MX",
    kind="unmask",
    start_s=83.52,
    end_s=86.0,
    start_before_s=83.0,
    end_before_s=85.48,
    low_hz=656.2,
    high_hz=4008.4,
    before_db=-4.0,
    after_db=-6.5,
    size_db_s=3.25,
)
DIFFERENCE = Difference(
    schema_="stemmix.difference/1",
    before="HEAD:film.json",
    after="film.json",
    sample_rate=48_000,
    frame_rate="25",
    start="01:00:00:00",
    changes=(
        Change(what="project", field="title", before="Reel", after="Reel 3"),
        Change(what="stem MX", field="gain_db", before="-2 dB", after="0 dB"),
        Change(what="stem DX, clip 2", field="gain_db", before="0 dB", after="-1 dB"),
        Change(what="stem FX", field="at", before="0 s", after="0.5 s", note="0.500 s later, 24000 samples"),
        Change(what="stem AMB", before="ambience, amb.wav", after=None),
        Change(what="pin boom", before=None, after="FX, 1-2 s: stays as it is"),
    ),
    plan=PlanChange(
        moves_before=3,
        moves_after=4,
        moves=(
            MOVE,
            MOVE.model_copy(
                update={
                    "change": "added",
                    "id": "DX-0010.00-FX-duck",
                    "stem": "FX",
                    "kind": "duck",
                    "start_s": 10.0,
                    "end_s": 11.0,
                    "start_before_s": None,
                    "end_before_s": None,
                    "before_db": 0.0,
                    "after_db": -3.0,
                    "size_db_s": 3.0,
                }
            ),
            MOVE.model_copy(update={"id": "another", "size_db_s": 0.1}),
        ),
        conflicts_before=9,
        conflicts_after=8,
        lines=Pair(before=2, after=2),
        unclear=Pair(before=1, after=0),
        clarity=Pair(before=0.412, after=0.5),
        bed_loss_db=Pair(before=1.5, after=2.25),
        scenes=(
            SceneChange(
                id="quay",
                start_s=0.0,
                end_s=60.0,
                clarity=Pair(before=0.41, after=0.5),
                loudness_lufs=Pair(before=None, after=-23.04),
            ),
        ),
    ),
    audio=AudioChange(
        deliverable="printmaster",
        integrated_lufs=Pair(before=-23.0, after=-23.0),
        gain_db=Pair(before=-1.5, after=-2.25),
        length_s=Pair(before=64.0, after=64.5),
        identical_s=((0.0, 9.0), (20.0, 21.0)),
        residual_dbfs=-41.2,
        residual_lu=-15.3,
        worst=(Place(start_s=10.0, residual_dbfs=-30.1, residual_lu=None),),
        scenes=(SceneLoudness(id="quay", start_s=0.0, end_s=60.0, loudness_lufs=Pair(before=-23.0, after=-22.5)),),
    ),
    notes=("HEAD:film.json: its stems are the files as they are today",),
)

WORDS = """\
HEAD:film.json -> film.json

  title: Reel -> Reel 3
  stem MX, fader: -2 dB -> 0 dB
  stem DX, clip 2, gain: 0 dB -> -1 dB
  stem FX, at: 0 s -> 0.5 s (0.500 s later, 24000 samples)
- stem AMB: ambience, amb.wav
+ pin boom: FX, 1-2 s: stays as it is

moves 3 -> 4: 1 added, 2 changed
conflicts 9 -> 8
lines under their goal 1 of 2 -> 0 of 2; mean clarity 0.412 -> 0.500
the bed, while lines are spoken: -1.50 -> -2.25 dB

Moves that differ, the largest first; gain in dB where it differs most; size: dB, mean over the bands, times seconds
   from         for (s)  stem  what    bands (Hz)  gain          size  move
───────────────────────────────────────────────────────────────────────────────────────────────────────────────
~  01:01:23:13     2.48  MX    unmask    656-4008  -4.0 -> -6.5  3.25  DX-0083.52-MX-unmask, was 0.52 s earlier
+  01:00:10:00     1.00  FX    duck      656-4008  +0.0 -> -3.0  3.00  DX-0010.00-FX-duck

and 1 smaller one

Scenes in the mix: mean clarity of their lines; loudness before any master gain, from features
scene  from         clarity          by  LUFS        by
───────────────────────────────────────────────────────
quay   01:00:00:00  0.41 -> 0.50  +0.09  - -> -23.0   -

printmaster, rendered: -23.00 -> -23.00 LUFS, gain -1.50 -> -2.25 dB
length 64.000 -> 64.500 s
one minus the other: -41.2 dBFS RMS, -15.3 LU relative to the first mix
identical for 10 s: 01:00:00:00 - 01:00:09:00, 01:00:20:00 - 01:00:21:00

Seconds in which they differ most
from          dBFS  LU
──────────────────────
01:00:10:00  -30.1   -

Scenes as written: K-weighted mean level, ungated
scene  from         LUFS                 by
───────────────────────────────────────────
quay   01:00:00:00  -23.00 -> -22.50  +0.50

note: HEAD:film.json: its stems are the files as they are today
"""


def test_a_difference_is_told_whole() -> None:
    assert difference_text(DIFFERENCE, 120, 2) == WORDS


@pytest.mark.parametrize("width", [64, 80])
def test_a_narrow_page_is_kept_to_and_nothing_is_cut_off(width: int) -> None:
    text = difference_text(DIFFERENCE, width, 20)
    assert max(map(len, text.splitlines())) <= width
    signs, whole = (Counter("".join(told.split())) for told in (text, difference_text(DIFFERENCE, 120, 20)))
    assert {sign: count for sign, count in (whole - signs).items() if sign != "─"} == {}
    assert "  stem MX, fader: -2 dB -> 0 dB\n" in text


def test_where_nothing_differs_that_is_said() -> None:
    same = DIFFERENCE.model_copy(
        update={
            "changes": (),
            "plan": DIFFERENCE.plan.model_copy(update={"moves": ()}) if DIFFERENCE.plan else None,
            "audio": DIFFERENCE.audio.model_copy(update={"identical": True}) if DIFFERENCE.audio else None,
        }
    )
    assert same.is_empty
    assert not DIFFERENCE.is_empty
    text = difference_text(same, 120, 20)
    assert "they ask for the same mix" in text
    assert "all the same" in text
    assert "every sample is the same" in text


def test_json_is_the_document() -> None:
    told = json.loads(difference_json(DIFFERENCE))
    assert told["schema"] == "stemmix.difference/1"
    assert Difference.model_validate(told, strict=False) == DIFFERENCE
