"""What two projects ask for otherwise: every kind of thing in words, and nothing that means the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from stemmix.engine.specification import gain_for, judged
from stemmix.model.layouts import LAYOUTS
from stemmix.model.presets import PRESETS
from stemmix.model.project import Project
from stemmix.model.project_changes import matched, project_changes, value_at
from stemmix.model.receipt import UNMEASURED
from stemmix.model.words import in_words

Fields = dict[str, Any]
Edit = Callable[[Fields], Any]

BASE: Fields = {
    "schema": "stemmix.project/2",
    "title": "Reel",
    "frame_rate": "25",
    "start": "01:00:00:00",
    "groups": [{"id": "BED", "gain_db": -1}],
    "stems": [
        {
            "id": "DX",
            "role": "dialogue",
            "clips": [
                {"file": "dx1.wav", "in": 1, "out": 5, "at": "01:00:10:00", "fade_in": {"length": 0.5}},
                {"file": "dx2.wav", "at": "01:00:20:00"},
                {"id": "last", "file": "dx2.wav", "in": 60, "at": "01:01:30:00"},
            ],
        },
        {"id": "MX", "role": "music", "group": "BED", "file": "mx.wav", "gain_db": -2},
        {
            "id": "FX",
            "role": "fx",
            "file": "fx.wav",
            "at": 0,
            "automation": {"gain_db": [{"at": 10, "value": 0}, {"at": 20, "value": -6}]},
        },
    ],
    "pins": [
        {"id": "boom", "stem": "FX", "from": 12, "to": 14, "keep": True},
        {"stem": "MX", "from": 30, "to": 40, "max_cut_db": 6, "low_hz": 100},
    ],
    "cues": [{"stem": "DX", "from": 10, "to": 12}, {"stem": "DX", "from": 20, "to": 22}],
    "scenes": [{"id": "quay", "from": 0}, {"id": "wreck", "from": 60}],
    "goals": {"eq_cap_db": 9},
    "deliverables": [
        {"name": "mix", "preset": "ebu-r128"},
        {"name": "web", "target_lufs": -16},
        {"name": "stems", "kind": "stems"},
    ],
}


def project(edit: Edit | None = None, base: Fields = BASE) -> Project:
    fields = deepcopy(base)
    if edit is not None:
        edit(fields)
    return Project.model_validate_json(json.dumps(fields))


def told(before: Project, after: Project) -> list[str]:
    return [in_words(change) for change in project_changes(before, after)]


def at(*place: str | int, **values: Any) -> Edit:
    """Sets fields of what stands at a place."""

    def edit(fields: Fields) -> None:
        found: Any = fields
        for step in place:
            found = found[step]
        found.update(values)

    return edit


def both(*edits: Edit) -> Edit:
    return lambda fields: [edit(fields) for edit in edits]


CHANGES: list[tuple[str, Edit, list[str]]] = [
    ("title", at(title="Reel 2"), ["  title: Reel -> Reel 2"]),
    ("profile", at(profile="series"), ["  profile: film -> series"]),
    ("rate", at(sample_rate=96_000), ["  sample_rate: 48000 Hz -> 96000 Hz"]),
    ("start", at(start="01:00:01:00"), ["  start: 01:00:00:00 -> 01:00:01:00"]),
    ("length", at(length=120), ["  length: to the end of the stems -> 120 s"]),
    ("balance", at(balance=True), ["  balance: no -> yes"]),
    ("report", at(report="page"), ["  report: none -> page"]),
    ("priority of a role", at(priorities={"music": 95}), ["  priorities, music: 40 (the profile's) -> 95"]),
    ("role", at("stems", 1, role="fx"), ["  stem MX, role: music -> fx"]),
    ("file", at("stems", 1, file="mx_v2.wav"), ["  stem MX, file: mx.wav -> mx_v2.wav"]),
    ("fader", at("stems", 1, gain_db=0), ["  stem MX, fader: -2 dB -> 0 dB"]),
    ("pan", at("stems", 1, pan=-0.5), ["  stem MX, pan: 0 -> -0.5"]),
    ("group", lambda fields: fields["stems"][1].pop("group"), ["  stem MX, group: BED -> none"]),
    ("mute", at("stems", 1, mute=True), ["  stem MX, mute: no -> yes"]),
    ("solo", at("stems", 0, solo=True), ["  stem DX, solo: no -> yes"]),
    ("priority", at("stems", 1, priority=90), ["  stem MX, priority: 40 (its role) -> 90"]),
    ("note", at("stems", 1, note="loud"), ["  stem MX, note: none -> loud"]),
    ("place left out", lambda fields: fields["stems"][2].pop("at"), ["  stem FX, at: 0 s -> where its file says"]),
    ("place", at("stems", 2, at="01:00:00:12"), ["  stem FX, at: 0 s -> 01:00:00:12 (12 frames later, 23040 samples)"]),
    (
        "place off the frames",
        at("stems", 2, at=0.001),
        ["  stem FX, at: 0 s -> 0.001 s (0.001 s later, 48 samples)"],
    ),
    ("a new stem", lambda fields: fields["stems"].append({"id": "AMB", "role": "ambience", "file": "amb.wav"}),
     ["+ stem AMB: ambience, amb.wav"]),
    ("a stem gone", lambda fields: (fields["stems"].pop(1), fields["pins"].pop(1)),
     ["- stem MX: music, in group BED, mx.wav, fader at -2 dB",
      "- pin of MX, 30-40 s: cut by 6 dB at most from 100 Hz"]),
    ("order of stems", lambda fields: fields["stems"].reverse(), ["  stems, order: DX, MX, FX -> FX, MX, DX"]),
    ("a group's fader", at("groups", 0, gain_db=-4), ["  group BED, fader: -1 dB -> -4 dB"]),
    ("a new group", lambda fields: fields["groups"].append({"id": "VO", "mute": True}), ["+ group VO: mute yes"]),
    # clips
    ("a clip moved", at("stems", 0, "clips", 0, at="01:00:10:12"),
     ["  stem DX, clip 1, at: 01:00:10:00 -> 01:00:10:12 (12 frames later, 23040 samples)"]),
    ("a clip trimmed", at("stems", 0, "clips", 0, out=4),
     ["  stem DX, clip 1, out: 5 s -> 4 s (25 frames shorter, 48000 samples)"]),
    ("a clip open to its end", lambda fields: fields["stems"][0]["clips"][0].pop("out"),
     ["  stem DX, clip 1, out: 5 s -> the file's end"]),
    ("a clip's gain", at("stems", 0, "clips", 2, gain_db=-3), ["  stem DX, clip last, gain: 0 dB -> -3 dB"]),
    ("a fade's length", at("stems", 0, "clips", 0, fade_in={"length": 1}),
     ["  stem DX, clip 1, fade_in: 0.5 s -> 1 s (0.500 s longer, 24000 samples)"]),
    ("a fade's shape", at("stems", 0, "clips", 0, fade_in={"length": 0.5, "shape": "linear"}),
     ["  stem DX, clip 1, fade_in: 0.5 s (equal_power) -> 0.5 s (linear)"]),
    ("a new fade", at("stems", 0, "clips", 1, fade_out={"length": 1}),
     ["  stem DX, clip 2, fade_out: none -> 1 s (equal_power)"]),
    ("a clip muted", at("stems", 0, "clips", 1, mute=True), ["  stem DX, clip 2, mute: no -> yes"]),
    ("a clip before the others",
     lambda fields: fields["stems"][0]["clips"].insert(0, {"file": "dx0.wav", "at": "01:00:01:00"}),
     ["+ stem DX, clip 1: dx0.wav, at 01:00:01:00"]),
    ("a clip of the same file before the others",
     lambda fields: fields["stems"][0]["clips"].insert(0, {"file": "dx1.wav", "out": 1, "at": "01:00:01:00"}),
     ["+ stem DX, clip 1: dx1.wav to 1 s, at 01:00:01:00"]),
    ("a clip gone", lambda fields: fields["stems"][0]["clips"].pop(0),
     ["- stem DX, clip 1: dx1.wav from 1 s to 5 s, at 01:00:10:00, fades in over 0.5 s (equal_power)"]),
    ("a clip with an id, moved and of another file",
     at("stems", 0, "clips", 2, file="dx9.wav", at="01:01:31:00"),
     ["  stem DX, clip last, file: dx2.wav -> dx9.wav",
      "  stem DX, clip last, at: 01:01:30:00 -> 01:01:31:00 (25 frames later, 48000 samples)"]),
    ("a new take in its place", at("stems", 0, "clips", 0, file="dx1_take2.wav"),
     ["  stem DX, clip 1, file: dx1.wav -> dx1_take2.wav"]),
    ("a file cut in two",
     both(lambda fields: [fields["stems"][2].pop(name) for name in ("file", "at")],
          at("stems", 2, clips=[{"file": "fx.wav", "out": 8, "at": 0}, {"file": "fx.wav", "in": 8, "at": 9}])),
     ["+ stem FX, clip 2: fx.wav from 8 s, at 9 s",
      "  stem FX, clip 1, out: the file's end -> 8 s"]),
    # faders that move
    ("a breakpoint", at("stems", 2, "automation", "gain_db", 1, value=-9),
     ["  stem FX, automation.fader: 2 points -> 2 points (-3 dB at 01:00:20:00)"]),
    ("a breakpoint between",
     lambda fields: fields["stems"][2]["automation"]["gain_db"].insert(1, {"at": 15, "value": 0}),
     ["  stem FX, automation.fader: 2 points -> 3 points (+3 dB at 01:00:15:00)"]),
    ("no automation any more", lambda fields: fields["stems"][2].pop("automation"),
     ["  stem FX, automation.fader: 2 points -> none (+6 dB at 01:00:20:00)"]),
    ("a pan that moves", at("stems", 1, automation={"pan": [{"at": 1, "value": -1}, {"at": 3, "value": 0.5}]}),
     ["  stem MX, automation.pan: none -> 2 points (most -1 at 01:00:01:00; from 01:00:01:00 to 01:00:03:00)"]),
    # pins
    ("a new pin",
     lambda fields: fields["pins"].append({"stem": "MX", "from": 1, "to": 2, "forbid": ["duck"], "note": "x"}),
     ["+ pin of MX, 1-2 s: no duck (x)"]),
    ("a pin with an id moved", at("pins", 0, **{"from": 52, "to": 54}),
     ["  pin boom, from: 12 s -> 52 s (1000 frames later, 1920000 samples)",
      "  pin boom, to: 14 s -> 54 s (1000 frames later, 1920000 samples)"]),
    ("a pin without one moved a little", at("pins", 1, to=41),
     ["  pin of MX, 30-41 s, to: 40 s -> 41 s (25 frames later, 48000 samples)"]),
    ("a pin without one elsewhere", at("pins", 1, **{"from": 50, "to": 60}),
     ["- pin of MX, 30-40 s: cut by 6 dB at most from 100 Hz",
      "+ pin of MX, 50-60 s: cut by 6 dB at most from 100 Hz"]),
    ("what a pin asks", at("pins", 1, max_cut_db=3), ["  pin of MX, 30-40 s, max_cut_db: 6 dB -> 3 dB"]),
    ("its bands", at("pins", 1, low_hz=200), ["  pin of MX, 30-40 s, low_hz: 100 Hz -> 200 Hz"]),
    ("a pin that asks for something else",
     both(lambda fields: fields["pins"][0].pop("keep"), at("pins", 0, action={"kind": "duck", "gain_db": -6})),
     ["  pin boom, action: stays as it is -> duck, -6 dB at most"]),
    # the rest
    ("cues", lambda fields: fields["cues"].__setitem__(0, {"stem": "DX", "from": 10, "to": 13}),
     ["  cues, DX: 2 -> 2 (1 new and 1 gone)"]),
    ("note of a cue", lambda fields: fields["cues"][0].update(note="whispered"),
     ["  cues, DX: 2 -> 2 (1 new and 1 gone)"]),
    ("more cues", lambda fields: fields["cues"].append({"stem": "MX", "from": 10, "to": 13}),
     ["  cues, MX: 0 -> 1 (1 new)"]),
    ("a scene moved", at("scenes", 1, **{"from": 61}),
     ["  scene wreck, from: 60 s -> 61 s (25 frames later, 48000 samples)"]),
    ("a scene gone", lambda fields: fields["scenes"].pop(1), ["- scene wreck: from 60 s"]),
    ("a goal", at("goals", clarity=0.6), ["  goals, clarity: 0.5 (the profile's) -> 0.6"]),
    ("a goal left to the profile", lambda fields: fields["goals"].clear(),
     ["  goals, eq_cap_db: 9 dB -> 12 dB (the profile's, 24 for a line else lost)"]),
    ("hands off the voice", at("goals", voice=False), ["  goals, voice: yes -> no"]),
    ("a target", at("deliverables", 1, target_lufs=-14), ["  deliverable web, target_lufs: -16 LUFS -> -14 LUFS"]),
    ("a format", at("deliverables", 2, format="flac24"), ["  deliverable stems, format: wav24 -> flac24"]),
    ("a target that the preset has, without what it tolerates", at("deliverables", 0, target_lufs=-23),
     ["  deliverable mix, target_lufs: none -> -23 LUFS"]),
    ("a ceiling that the preset has, likewise", at("deliverables", 0, ceiling_dbtp=-1),
     ["  deliverable mix, ceiling_dbtp: none -> -1 dBTP"]),
    ("a preset", at("deliverables", 0, preset="atsc-a85"), ["  deliverable mix, preset: ebu-r128 -> atsc-a85"]),
    ("a kind", at("deliverables", 2, kind="m_and_e"), ["  deliverable stems, kind: stems -> m_and_e",
                                                       "  deliverable stems, by: stem -> none"]),
    ("a parent", at("deliverables", 2, parent="web"), ["  deliverable stems, parent: mix -> web"]),
    ("a new deliverable",
     lambda fields: fields["deliverables"].append({"name": "me", "kind": "m_and_e", "format": "flac24"}),
     ["+ deliverable me: m_and_e, format flac24"]),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "words"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_one_edit_is_told_once_and_in_words(edit: Edit, words: list[str]) -> None:
    assert told(project(), project(edit)) == words


@pytest.mark.parametrize("edit", [row[1] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_an_edit_taken_back_is_as_many_differences(edit: Edit) -> None:
    forth, back = (project_changes(*sides) for sides in ((project(), project(edit)), (project(edit), project())))
    assert sorted((one.before or "", one.after or "") for one in forth) == sorted(
        (one.after or "", one.before or "") for one in back
    )


SAME: list[tuple[str, Edit]] = [
    ("whole numbers as floats", at("stems", 1, gain_db=-2.0)),
    ("a place as a clock", at("stems", 0, "clips", 0, at="0:00:10.0")),
    ("a place as samples", at("stems", 0, "clips", 0, at="480000 samples")),
    ("a place as seconds", at("stems", 0, "clips", 0, at=10)),
    ("defaults written out", at("stems", 1, pan=0, mute=False, automation={}, order="wave")),
    ("what the profile has", at(priorities={"music": 40}, goals={"eq_cap_db": 9, "clarity": 0.5})),
    ("what the role has", at("stems", 1, priority=40)),
    ("the profile itself", at(profile="film", method="multilevel")),
    ("the only parent there can be", at("deliverables", 2, parent="mix")),
    ("what holds without a preset", at("deliverables", 1, ceiling_dbtp=-1)),
    ("order of clips", lambda fields: fields["stems"][0]["clips"].reverse()),
    ("order of pins, cues and scenes", lambda fields: [fields[name].reverse() for name in ("pins", "cues", "scenes")]),
    ("a breakpoint on the way", lambda fields: fields["stems"][2]["automation"]["gain_db"].insert(
        1, {"at": 15, "value": -3})),
    ("a clip instead of its file", both(
        lambda fields: fields["stems"][1].pop("file"), at("stems", 1, clips=[{"file": "mx.wav"}]))),
    ("notes of the schema", at(**{"$schema": "project.schema.json"})),
]  # fmt: skip


@pytest.mark.parametrize("edit", [row[1] for row in SAME], ids=[row[0] for row in SAME])
def test_what_means_the_same_is_no_difference(edit: Edit) -> None:
    fields = deepcopy(BASE)
    edit(fields)
    assert json.dumps(fields) != json.dumps(BASE)
    before, after = project(), project(edit)
    assert told(before, after) == []
    assert told(after, before) == []


def test_a_programme_that_begins_elsewhere_has_not_moved_every_timecode() -> None:
    by_timecode = both(
        at("stems", 2, automation={"gain_db": [{"at": f"01:00:{s}:00", "value": v} for s, v in ((10, 0), (20, -6))]}),
        both(
            at(cues=[{"stem": "DX", "from": "01:00:01:00", "to": "01:00:02:00"}]),
            at(pins=[{"stem": "FX", "from": "01:00:03:00", "to": "01:00:04:00", "keep": True}]),
        ),
    )
    before = project(by_timecode)
    assert told(before, project(both(by_timecode, at(start="00:59:50:00")))) == ["  start: 01:00:00:00 -> 00:59:50:00"]
    assert told(before, project(both(by_timecode, at(frame_rate="24")))) == ["  frame_rate: 25 -> 24"]
    slower = told(before, project(both(by_timecode, at(frame_rate="23.976"))))
    assert slower == ["  frame_rate: 25 -> 23.976"], "a start under the same code is that of the rate"


def restamped(hour: str, **changes: Any) -> Edit:
    """All by timecode, in an hour: a reel's number, as it may be given anew."""
    faders = [{"at": f"{hour}:00:{s}:00", "value": v} for s, v in ((10, 0), (20, -6))]
    edits = [
        at(start=f"{hour}:00:00:00", ffoa=f"{hour}:00:01:00", lfoa=f"{hour}:02:00:00"),
        *(at("stems", 0, "clips", n, at=f"{hour}:00:{s}:00") for n, s in enumerate((10, 20, 50))),
        at("stems", 2, automation={"gain_db": faders}, at=f"{hour}:00:00:12"),
        at(cues=[{"stem": "DX", "from": f"{hour}:00:01:00", "to": f"{hour}:00:02:00"}]),
        at(pins=[{"stem": "FX", "from": f"{hour}:00:03:00", "to": f"{hour}:00:04:00", "keep": True}]),
        at(scenes=[{"id": "quay", "from": f"{hour}:00:00:00"}, {"id": "wreck", "from": f"{hour}:01:00:00"}]),
    ]
    return lambda fields: [edit(fields) for edit in (*edits, at(**changes))]


def test_a_reel_that_is_stamped_anew_with_all_its_codes_has_not_moved_anything() -> None:
    before = project(restamped("10"))
    assert told(before, project(restamped("01"))) == ["  start: 10:00:00:00 -> 01:00:00:00"]
    edited = restamped("01", title="Reel, conformed")
    moved = both(edited, at("stems", 0, "clips", 1, at="01:00:20:02"))
    assert told(before, project(moved)) == [
        "  title: Reel -> Reel, conformed",
        "  start: 10:00:00:00 -> 01:00:00:00",
        "  stem DX, clip 2, at: 10:00:20:00 -> 01:00:20:02 (2 frames later, 3840 samples)",
    ]


def test_a_timecode_that_the_other_rate_has_not_is_told_by_where_it_lies() -> None:
    before, after = at("stems", 1, at="01:00:01:24"), both(at(frame_rate="24"), at("stems", 1, at="01:00:01:23"))
    assert told(project(before), project(after)) == [
        "  frame_rate: 25 -> 24",
        "  stem MX, at: 01:00:01:24 -> 01:00:01:23 (0.002 s earlier, 80 samples)",
    ]


def test_samples_mean_another_time_at_another_rate() -> None:
    before = project(at("stems", 2, at="48000 samples"))
    after = project(both(at(sample_rate=96_000), at("stems", 2, at="48000 samples")))
    assert told(before, after) == [
        "  sample_rate: 48000 Hz -> 96000 Hz",
        "  stem FX, at: 48000 samples -> 48000 samples (0.500 s earlier, 48000 samples)",
    ]
    begins = at(start="480000 samples")
    assert told(project(begins), project(both(at(sample_rate=96_000), begins))) == [
        "  sample_rate: 48000 Hz -> 96000 Hz",
        "  start: 480000 samples (00:00:10:00) -> 480000 samples (00:00:05:00)",
    ]
    doubled = project(both(at(sample_rate=96_000), at("stems", 2, at="96000 samples")))
    assert told(before, doubled) == ["  sample_rate: 48000 Hz -> 96000 Hz"]


def test_in_a_file_samples_are_the_files_own() -> None:
    before = project(at("stems", 0, "clips", 0, **{"in": "48000 samples"}))
    assert told(project(), before) == ["  stem DX, clip 1, in: 1 s -> 48000 samples"], "the file may have another rate"
    after = project(both(at(sample_rate=96_000), at("stems", 0, "clips", 0, **{"in": "48000 samples"})))
    assert told(before, after) == ["  sample_rate: 48000 Hz -> 96000 Hz"]


def test_in_a_file_a_timecode_is_the_files_own() -> None:
    """An hour of timecode is no hour into the file, and only the file could say where it lies."""
    by_seconds = project(at("stems", 0, "clips", 0, **{"in": 3610, "out": 3620}))
    by_timecode = project(at("stems", 0, "clips", 0, **{"in": "01:00:10:00", "out": "01:00:20:00"}))
    assert told(by_seconds, by_timecode) == [
        "  stem DX, clip 1, in: 3610 s -> 01:00:10:00",
        "  stem DX, clip 1, out: 3620 s -> 01:00:20:00",
    ]
    later = project(at("stems", 0, "clips", 0, **{"in": "01:00:10:05", "out": "01:00:20:00"}))
    assert told(by_timecode, later) == [
        "  stem DX, clip 1, in: 01:00:10:00 -> 01:00:10:05 (5 frames longer, 9600 samples)"
    ]


def test_a_cap_that_the_profile_has_binds_a_line_that_would_else_be_lost() -> None:
    """Given, it is no default any more: the two are not the same mix."""
    left, given = project(at(goals={})), project(at(goals={"eq_cap_db": 12}))
    assert told(left, given) == ["  goals, eq_cap_db: 12 dB (the profile's, 24 for a line else lost) -> 12 dB"]


def preset_numbers() -> list[tuple[str, str, float]]:
    """Every number that a deliverable may override by what its preset has."""
    numbers = [(name, "ceiling_dbtp", preset.specification.ceiling_dbtp) for name, preset in PRESETS.items()]
    for name, preset in PRESETS.items():
        loudness = preset.specification.loudness
        if loudness is not None and loudness.target is not None and loudness.method in ("programme", "dialogue"):
            numbers.append((name, "target_lufs", loudness.target))
    return numbers


@pytest.mark.parametrize(("preset", "field", "value"), preset_numbers())
def test_a_number_that_a_preset_has_is_no_difference_only_where_the_whole_rule_stays(
    preset: str, field: str, value: float
) -> None:
    left, given = (
        project(at(deliverables=[{"name": "mix", "preset": preset, **said}])) for said in ({}, {field: value})
    )
    same = judgements(left, value) == judgements(given, value)
    assert (told(left, given) == []) is same


def judgements(of: Project, near: float) -> list[tuple[str, str, float | None]]:
    """What comes of files that read around a number, and the gain that they are given."""
    specification = of.specification(of.masters[0])
    found: list[tuple[str, str, float | None]] = []
    for off in np.arange(-4.0, 4.01, 0.05):
        level = near + float(off)
        measured = UNMEASURED.model_copy(
            update={
                "integrated_lufs": level,
                "dialogue_lufs": level,
                "speech_share": 0.5,
                "true_peak_dbtp": level,
                "sample_peak_dbfs": level,
            }
        )
        judged_as = judged(measured, specification, LAYOUTS["2.0"], sample_rate=48_000, bits=24, duration_s=600.0)
        found += [(one.check, one.verdict, None) for one in judged_as]
        aim = gain_for(specification, measured)
        found.append(("gain", "", aim.gain_db))
    return found


def test_a_number_that_a_preset_has_with_less_confidence_is_no_difference() -> None:
    left, given = (
        project(at(deliverables=[{"name": "mix", "preset": "youtube", **said}]))
        for said in ({}, {"target_lufs": -14.0, "ceiling_dbtp": -1.0})
    )
    assert told(left, given) == []


def test_two_clips_of_one_file_that_trade_places_are_told_by_what_is_heard() -> None:
    def trade(fields: Fields) -> None:
        one, _, other = fields["stems"][0]["clips"]
        other |= {"file": "dx1.wav"}
        one["at"], other["at"] = other["at"], one["at"]

    before = project(at("stems", 0, "clips", 2, file="dx1.wav"))
    words = told(before, project(trade))
    assert [line.partition(" (")[0] for line in words] == [
        "  stem DX, clip 1, at: 01:00:10:00 -> 01:01:30:00",
        "  stem DX, clip last, at: 01:01:30:00 -> 01:00:10:00",
    ]


def test_things_go_by_the_first_key_that_finds_them() -> None:
    pairs, gone, new = matched("abcd", "xbdaB", [lambda one: one, lambda one: one.lower()])
    assert pairs == [("a", "a"), ("b", "b"), ("d", "d")]
    assert (gone, new) == (["c"], ["x", "B"])
    assert matched([1, 2], [3], [lambda _: None]) == ([], [1, 2], [3])
    assert matched("aab", "baa", [lambda one: one])[1:] == ([], [])


@given(
    some.lists(some.tuples(some.integers(0, 50), some.integers(-60, 10)), unique_by=lambda point: point[0]),
    some.integers(-5, 55),
)
def test_a_fader_stands_on_the_line_between_its_points(points: list[tuple[int, int]], time: int) -> None:
    curve = [(Fraction(at), float(value)) for at, value in sorted(points)]
    found = value_at(curve, Fraction(time), 7.0)
    if not curve:
        assert found == 7.0
        return
    before = [value for at, value in curve if at <= time]
    after = [value for at, value in curve if at >= time]
    ends = (before or after)[-1 if before else 0], (after or before)[0 if after else -1]
    assert min(ends) - 1e-9 <= found <= max(ends) + 1e-9
    if time in dict(points):
        assert found == dict(points)[time]


@pytest.mark.parametrize("row", CHANGES, ids=[row[0] for row in CHANGES])
def test_a_project_does_not_differ_from_itself(row: tuple[str, Edit, list[str]]) -> None:
    assert project_changes(project(row[1]), project(row[1])) == ()
