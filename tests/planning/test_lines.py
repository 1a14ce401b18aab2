"""`planning.lines`: what counts as a line, whose it is, and which scene it stands in."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from stemmix.model.features import AHEAD
from stemmix.planning.lines import LONGEST_S, LONGEST_SPEECH_S, SCENE_PAUSE_S, Goal, goals_of, scenes_of
from tests.held_frames import HeldFrames
from tests.planning.scene_features import HOP, RATE_HZ, Scene, Sound, Told, bed, line, scene

MUSIC = Told("MX", "music", (bed(0.0, 60.0),))


def goals(of: Scene) -> list[Goal]:
    return goals_of(of.project, of.stems, HOP, of.frames)


def spans_s(found: list[Goal]) -> list[tuple[float, float]]:
    return sorted((goal.start / 50, goal.end / 50) for goal in found)


def test_lines_are_what_was_found_in_the_dialogue() -> None:
    found = goals(scene(Told("DX", "dialogue", (line(2.0, 3.0), line(5.0, 7.0))), MUSIC, seconds=60.0))
    assert spans_s(found) == [(2.0, 3.0), (5.0, 7.0)]
    assert [goal.id for goal in found] == ["DX-0002.0", "DX-0005.0"]
    assert all(goal.is_speech and goal.priority == 100 for goal in found)


def test_lines_stand_where_their_stem_does() -> None:
    """A stem that begins later has its lines later: features count from its own start."""
    found = goals(scene(Told("DX", "dialogue", (line(2.0, 3.0),), at_s=10.0), MUSIC, seconds=60.0))
    assert spans_s(found) == [(12.0, 13.0)]


def test_cues_stand_for_what_would_be_found_in_their_stem_and_in_no_other() -> None:
    whisper = Sound(20.0, 31.0, -80.0)  # which is not found
    stems = (Told("A", "dialogue", (line(2.0, 3.0), whisper)), Told("B", "dialogue", (line(8.0, 9.0),)), MUSIC)
    cues = [{"stem": "A", "from": 20.0, "to": 21.5}, {"stem": "A", "from": 30.0, "to": 31.0}]
    found = goals(scene(*stems, seconds=60.0, cues=cues))
    assert spans_s(found) == [(8.0, 9.0), (20.0, 21.5), (30.0, 31.0)]


def test_a_cue_with_pauses_is_as_many_lines_as_it_has_phrases() -> None:
    """In the mean over a pause two clear phrases were lost, and behind a loud phrase a lost one was clear."""
    spoken = Told("DX", "dialogue", (line(2.0, 3.0), line(5.0, 6.0), Sound(7.0, 8.0, -70.0)))
    loose = goals(scene(spoken, MUSIC, seconds=60.0, cues=[{"stem": "DX", "from": 1.0, "to": 10.0}]))
    exact = [{"stem": "DX", "from": start, "to": start + 1.0} for start in (2.0, 5.0, 7.0)]
    near = spans_s(loose), spans_s(goals(scene(spoken, MUSIC, seconds=60.0, cues=exact)))
    assert len(near[0]) == len(near[1]) == 3
    for one, other in zip(*near, strict=True):
        assert one == pytest.approx(other, abs=0.12)


def test_room_tone_in_a_cue_is_a_pause_and_a_short_breath_is_none() -> None:
    room = Sound(0.0, 60.0, -68.0, is_room=True)
    spoken = Told("DX", "dialogue", (line(2.0, 3.0), line(3.2, 4.0), line(8.0, 9.0), room))
    found = spans_s(goals(scene(spoken, MUSIC, seconds=60.0, cues=[{"stem": "DX", "from": 0.0, "to": 12.0}])))
    assert found == [pytest.approx((2.0, 4.0), abs=0.1), pytest.approx((8.0, 9.0), abs=0.1)]


def test_a_cue_over_a_tick_and_nothing_else_is_a_line_of_the_tick() -> None:
    tick = Told("DX", "dialogue", (line(2.0, 3.0), Sound(20.0, 20.02, -100.0)))
    cues = [{"stem": "DX", "from": 18.0, "to": 22.0}, {"stem": "DX", "from": 2.0, "to": 3.0}]
    found = spans_s(goals(scene(tick, MUSIC, seconds=60.0, cues=cues)))
    assert [end - start < 0.5 for start, end in found] == [False, True]


def test_a_pin_as_long_as_the_programme_is_looked_at_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory does not grow with the programme: two hours at once would be a hundred megabytes."""
    asked: list[int] = []
    rows = HeldFrames.rows

    def noted(held: HeldFrames, start: int, stop: int) -> NDArray[np.int16]:
        asked.append(stop - start)
        return rows(held, start, stop)

    monkeypatch.setattr(HeldFrames, "rows", noted)
    spoken, bed_s = Told("DX", "dialogue", (line(2.0, 3.0),)), Told("MX", "music", (bed(0.0, 600.0),))
    pins = [{"stem": "MX", "from": 0.0, "to": 600.0, "priority": 200}]
    assert len(goals(scene(spoken, bed_s, seconds=600.0, pins=pins))) == 51
    assert 0 < max(asked) <= AHEAD


def test_a_raised_span_has_no_line_where_its_stem_pauses() -> None:
    hits = Told("FX", "fx", (Sound(20.0, 21.0), Sound(25.0, 26.0)))
    pins = [{"stem": "FX", "from": 15.0, "to": 40.0, "priority": 200}]
    found = goals(scene(Told("DX", "dialogue", (line(2.0, 3.0),)), MUSIC, hits, seconds=60.0, pins=pins))
    raised = spans_s([goal for goal in found if goal.raised])
    assert raised == [pytest.approx((20.0, 21.0), abs=0.1), pytest.approx((25.0, 26.0), abs=0.1)]


def test_a_cue_ends_with_the_programme() -> None:
    stems = (Told("DX", "dialogue", (line(2.0, 3.0), Sound(50.0, 60.0, -80.0))), MUSIC)
    cues = [{"stem": "DX", "from": 59.0, "to": 70.0}, {"stem": "DX", "from": 80.0, "to": 90.0}]
    assert spans_s(goals(scene(*stems, seconds=60.0, cues=cues))) == [(59.0, 60.0)]


def test_dialogue_that_overlaps_is_one_line_of_both() -> None:
    """Neither speaker is cut for the other; speech that only adjoins stays apart."""
    first = Told("A", "dialogue", (line(2.0, 4.0), line(10.0, 11.0)))
    second = Told("B", "dialogue", (line(3.0, 5.0), line(11.0, 12.0)))
    found = goals(scene(first, second, MUSIC, seconds=60.0))
    assert spans_s(found) == [(2.0, 5.0), (10.0, 11.0), (11.0, 12.0)]
    assert all([stem.id for stem in goal.targets] == ["A", "B"] for goal in found)


def test_a_long_target_is_decided_in_pieces() -> None:
    """Equal, none longer than the longest, together the whole; of dialogue shorter than of all else."""
    speech = Told("DX", "dialogue", (line(0.0, 40.0),))
    hum = Told("FX", "fx", (Sound(0.0, 50.0),))
    found = goals(scene(speech, hum, seconds=60.0, profile="game"))
    for is_speech, end_s, longest_s, count in ((True, 40.0, LONGEST_SPEECH_S, 7), (False, 50.0, LONGEST_S, 5)):
        pieces = spans_s([goal for goal in found if goal.is_speech is is_speech])
        assert (len(pieces), pieces[0][0], pieces[-1][1]) == (count, 0.0, end_s)
        assert all(before[1] == after[0] for before, after in pairwise(pieces))
        lengths = [end - start for start, end in pieces]
        assert max(lengths) <= longest_s
        assert max(lengths) - min(lengths) < 0.05


def test_a_hit_shorter_than_any_speech_is_a_line_where_effects_are_cleared() -> None:
    speech = Told("DX", "dialogue", (line(2.0, 3.0),))
    shot = Told("FX", "fx", (), hits_s=(10.0, 10.1, 20.0))
    found = goals(scene(speech, shot, seconds=60.0, profile="game"))
    assert spans_s([goal for goal in found if not goal.is_speech]) == [(10.0, 10.3), (20.0, 20.2)]
    assert spans_s(goals(scene(speech, shot, seconds=60.0))) == [(2.0, 3.0)]


def test_a_pin_that_lowers_one_of_two_speakers_gives_up_no_line_of_the_other() -> None:
    """Where both speak at once each is a line of its own rank; alone, each has the line to itself."""
    first = Told("A", "dialogue", (line(2.0, 4.0), line(10.0, 11.0)))
    second = Told("B", "dialogue", (line(3.0, 5.0), line(20.0, 21.0)))
    pins = [{"stem": "B", "from": 0.0, "to": 60.0, "priority": 10}]
    found = goals(scene(first, second, MUSIC, seconds=60.0, pins=pins))
    told = sorted((goal.start / 50, goal.priority, [stem.id for stem in goal.targets]) for goal in found)
    assert told == [(2.0, 10, ["B"]), (2.0, 100, ["A"]), (10.0, 100, ["A"]), (20.0, 10, ["B"])]


def test_a_raised_span_is_a_line_in_pieces_no_longer_either() -> None:
    pins = [{"stem": "MX", "from": 10.0, "to": 40.0, "priority": 200}]
    found = goals(scene(Told("DX", "dialogue", (line(2.0, 3.0),)), MUSIC, seconds=60.0, pins=pins))
    raised = [goal for goal in found if goal.priority == 200]
    assert spans_s(raised) == [(10.0, 20.0), (20.0, 30.0), (30.0, 40.0)]
    assert all([stem.id for stem in goal.targets] == ["MX"] and not goal.is_speech for goal in raised)
    assert found[:3] == raised, "the highest priority is decided first"


@pytest.mark.parametrize("priority", [0, 40])
def test_a_pin_that_does_not_raise_makes_no_line(priority: int) -> None:
    pins = [{"stem": "MX", "from": 10.0, "to": 20.0, "priority": priority}]
    found = goals(scene(Told("DX", "dialogue", (line(2.0, 3.0),)), MUSIC, seconds=60.0, pins=pins))
    assert spans_s(found) == [(2.0, 3.0)]


def test_the_highest_priority_comes_first_then_the_profiles_order_then_time() -> None:
    stems = (
        Told("FX", "fx", (Sound(1.0, 2.0), Sound(20.0, 21.0))),
        Told("DX", "dialogue", (line(30.0, 31.0), line(5.0, 6.0))),
        MUSIC,
    )
    pins = [{"stem": "MX", "from": 40.0, "to": 41.0, "priority": 300}]
    found = goals(scene(*stems, seconds=60.0, profile="game", pins=pins))
    assert [goal.targets[0].id for goal in found] == ["MX", "DX", "DX", "FX", "FX"]
    assert [goal.start / 50 for goal in found] == [40.0, 5.0, 30.0, 1.0, 20.0]
    assert [goal.id for goal in found] == ["MX-0040.0-raised", "DX-0005.0", "DX-0030.0", "FX-0001.0", "FX-0020.0"]


def scenes(of: Scene) -> list[tuple[str, float, float]]:
    made = scenes_of(of.project, goals(of), HOP, of.frames)
    return [(one.id, one.start / RATE_HZ, one.end / RATE_HZ) for one in made]


def test_a_long_pause_of_the_dialogue_parts_two_scenes_midway() -> None:
    spoken = (line(2.0, 3.0), line(3.0 + SCENE_PAUSE_S - 0.1, 9.0), line(9.0 + SCENE_PAUSE_S, 16.0))
    whole = scene(Told("DX", "dialogue", spoken), MUSIC, seconds=60.0)
    assert scenes(whole) == [("S-0000", 0.0, 11.5), ("S-0012", 11.5, 60.0)]


def test_scenes_that_are_given_are_taken_as_they_are() -> None:
    """From where each begins to where the next does; what lies before the first is the start."""
    spoken = Told("DX", "dialogue", (line(2.0, 3.0), line(40.0, 41.0)))
    cues = [{"from": 30.0, "id": "quay"}, {"from": 10.0, "id": "bridge"}, {"from": 90.0, "id": "never"}]
    given = scene(spoken, MUSIC, seconds=60.0, scenes=cues)
    assert scenes(given) == [("start", 0.0, 10.0), ("bridge", 10.0, 30.0), ("quay", 30.0, 60.0)]


def test_without_lines_the_programme_is_one_scene() -> None:
    assert scenes(scene(MUSIC, Told("FX", "fx", ()), seconds=60.0)) == [("S-0000", 0.0, 60.0)]
