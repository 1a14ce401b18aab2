"""`model.versions`: every past version is read for ever, and means what it meant."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stemmix.files.documents import canonical
from stemmix.files.projects import read_project
from stemmix.model.project import PROJECT_SCHEMA
from stemmix.model.versions import UPGRADES, newest, upgraded

GOLDEN = Path(__file__).parent / "versions"
OLD = sorted(GOLDEN.glob("project_*.json"))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["stems", "file", "at", "id"]), inner),
)


def test_there_are_files_of_every_past_version() -> None:
    assert {int(path.name.split("_")[1]) for path in OLD} == set(range(1, newest("stemmix.project")))
    assert f"stemmix.project/{newest('stemmix.project')}" == PROJECT_SCHEMA


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_a_past_version_is_read_and_means_what_it_meant(path: Path) -> None:
    """`NAME.resolved` has what each means today; it was looked at by a person, and is not to change."""
    assert canonical(read_project(path)) == path.with_suffix(".resolved").read_text("utf-8")


def test_a_stem_of_version_1_without_a_place_stands_at_the_beginning() -> None:
    """Whatever its file says of itself; in version 2 the file is asked."""
    one = {
        "schema": "stemmix.project/1",
        "stems": [{"file": "a"}, {"files": {}}, {"file": "b", "at": 2}, {"clips": []}],
    }
    stems = upgraded(one, "stemmix.project", 1)["stems"]
    assert [stem.get("at") for stem in stems] == [0.0, 0.0, 2, None]


@given(document=st.dictionaries(st.sampled_from(["stems", "title", "schema"]), JSON))
def test_steps_are_pure_and_pass_over_what_they_do_not_know(document: dict[str, object]) -> None:
    before = deepcopy(document)
    for kind, steps in UPGRADES.items():
        for version in range(1, len(steps) + 1):
            changed = upgraded(document, kind, version)
            assert changed["schema"] == f"{kind}/{newest(kind)}"
            assert upgraded(changed, kind, newest(kind)) == changed, "nothing is done twice"
    assert document == before
    json.dumps(document)
