"""`model.profiles`: eight kinds of programme, as data that is whole, sane and says why."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, get_args

import pytest

from stemmix.model.profiles import PROFILES, Profile, ProfileName, Role
from stemmix.model.project import Project

FILM = PROFILES["film"]


def test_there_are_eight_and_a_project_may_name_each() -> None:
    assert list(PROFILES) == list(get_args(ProfileName))
    assert len(PROFILES) == 8
    for name in PROFILES:
        stems = [{"id": "dx", "role": "dialogue", "file": "dx.wav"}]
        fields: dict[str, Any] = {"schema": "stemmix.project/2", "title": "t", "profile": name, "stems": stems}
        project = Project.model_validate_json(json.dumps(fields))
        assert project.defaults is PROFILES[name]


def test_the_file_holds_every_field_of_every_profile_and_no_other() -> None:
    """Profiles are data: what is read there is all there is."""
    written = json.loads(files("stemmix.model").joinpath("profiles.json").read_text("utf-8"))
    assert all(set(fields) == set(Profile.model_fields) for fields in written.values())


def test_each_says_what_it_is_for_and_differs_from_every_other() -> None:
    reasons = [profile.why for profile in PROFILES.values()]
    assert all(len(why.split()) >= 8 and why.endswith(".") for why in reasons)
    assert len(set(reasons)) == len(PROFILES)
    values = [profile.model_dump_json(exclude={"why"}) for profile in PROFILES.values()]
    assert len(set(values)) == len(PROFILES)


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_says_something_of_every_role_and_puts_what_it_clears_first(name: str) -> None:
    profile = PROFILES[name]
    assert set(profile.priorities) == set(profile.protection) == set(Role)
    assert profile.priorities[profile.targets[0]] == max(profile.priorities.values())
    ranks = [profile.priorities[target] for target in profile.targets]
    assert ranks == sorted(ranks, reverse=True)
    first = Role.NARRATION if name == "documentary" else Role.DIALOGUE
    assert max(profile.priorities, key=lambda role: profile.priorities[role]) is first


@pytest.mark.parametrize("name", PROFILES)
def test_its_numbers_can_be_meant(name: str) -> None:
    profile = PROFILES[name]
    assert 0.3 <= profile.clarity <= 0.7
    assert 0 < profile.eq_cap_db <= profile.lost_cap_db <= 24
    assert 0 <= profile.duck_cap_db <= 24
    assert 0 <= profile.presence_cap_db <= profile.ride_cap_db <= 2, "the actor's voice is hardly moved"
    assert 0.02 <= profile.look_ahead_s <= profile.hold_s + 0.05 <= 1
    assert 0.1 <= profile.ramp_s <= 1
    assert -31 <= profile.target_lufs <= -14
    assert profile.ceiling_dbtp <= -1
    assert all(price > 0 for price in profile.protection.values())


def test_they_differ_from_film_as_they_say() -> None:
    for name in ("series", "documentary", "podcast", "speech"):
        assert PROFILES[name].clarity > FILM.clarity, "followed without effort"
    assert {name: PROFILES[name].clarity for name in ("documentary", "podcast")} == dict.fromkeys(
        ("documentary", "podcast"), 0.6
    )
    trailer, music, game, speech = (PROFILES[name] for name in ("trailer", "music", "game", "speech"))
    assert trailer.clarity < FILM.clarity
    assert trailer.target_lufs > FILM.target_lufs
    assert trailer.protection[Role.FX] > FILM.protection[Role.FX]
    assert (music.targets, music.duck_cap_db, music.ride_cap_db, music.presence_cap_db) == ((Role.LEAD,), 0, 0, 0)
    assert music.eq_cap_db < FILM.eq_cap_db
    assert game.targets == (Role.DIALOGUE, Role.NARRATION, Role.FX)
    assert game.ramp_s < FILM.ramp_s
    assert speech.protection[Role.MUSIC] < FILM.protection[Role.MUSIC]
    assert speech.duck_cap_db > FILM.duck_cap_db
