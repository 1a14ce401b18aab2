"""`files.projects`: templates joined, faults told in the file that has them, one canonical form."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix.errors import ProjectError
from stemmix.files.documents import canonical
from stemmix.files.projects import KEYS, MAX_FILES, Whereabouts, formatted, migrated, read_project, read_project_file
from stemmix.model.deliverables import Printmaster
from stemmix.model.project import Project, ProjectFile

STEMS = [{"id": "DX", "role": "dialogue", "file": "dx.wav"}, {"id": "MX", "role": "music", "file": "mx.wav"}]
HOUSE = {
    "profile": "series",
    "frame_rate": "25",
    "priorities": {"music": 150, "fx": 320},
    "goals": {"clarity": 0.5, "voice": False},
    "file_name": "{title}_{deliverable}",
    "groups": [{"id": "BED", "gain_db": -1.0}],
    "deliverables": [
        {"name": "mix", "preset": "ebu-r128"},
        {"name": "stems", "kind": "stems", "by": "group"},
    ],
}


def written(path: Path, **fields: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"schema": "stemmix.project/2"} | fields, indent=1))
    return path


def film(folder: Path, **fields: Any) -> Path:
    return written(folder / "film.json", **{"extends": "house.json", "title": "Reel", "stems": STEMS} | fields)


@pytest.fixture
def house(tmp_path: Path) -> Path:
    return written(tmp_path / "house.json", **HOUSE)


def test_a_project_is_what_its_house_says_and_it_does_not(house: Path) -> None:
    project = read_project(film(house.parent, sample_rate=96_000))
    assert (project.profile, project.frame_rate, project.sample_rate) == ("series", "25", 96_000)
    assert project.goals.clarity == 0.5
    assert [wanted.name for wanted in project.deliverables] == ["mix", "stems"]
    assert project.file_names("film") == ["Reel_mix.wav", "Reel_stems_D.wav", "Reel_stems_M.wav"]
    assert project.priority_of(project.stems[1]) == 150
    assert project.extends is None, "what is resolved stands by itself"


@pytest.mark.parametrize("name", ["what?", " film", "film" + 60 * "long"])
def test_a_project_that_no_file_can_be_called_by_is_refused(tmp_path: Path, name: str) -> None:
    """Its name is a part of theirs; where it is not, any name will do."""
    path = written(tmp_path / f"{name}.json", title="Reel", stems=STEMS)
    with pytest.raises(ProjectError, match="give the project file another name") as refused:
        read_project(path)
    assert str(refused.value).startswith(f"{path}: file name ")
    written(path, title="Reel", stems=STEMS, file_name="{title}_{deliverable}")
    assert read_project(path).title == "Reel"


def test_objects_are_joined_field_by_field_even_where_the_nearer_says_a_default(house: Path) -> None:
    project = read_project(film(house.parent, goals={"voice": True}, priorities={"fx": 90}))
    assert (project.goals.clarity, project.goals.voice) == (0.5, True)
    assert {role.value: number for role, number in project.priorities.items()} == {"music": 150, "fx": 90}


def test_lists_are_joined_item_by_item_and_the_nearer_item_stands_whole(house: Path) -> None:
    project = read_project(film(house.parent, deliverables=[{"name": "mix"}, {"name": "loud", "target_lufs": -14.0}]))
    mix, stems, loud = project.deliverables
    assert isinstance(mix, Printmaster)
    assert (mix.preset, stems.name, loud.name) == (None, "stems", "loud")


def test_an_item_that_is_named_twice_is_told_and_not_dropped(house: Path) -> None:
    """Though each of the two would stand for the house's."""
    written(house, **HOUSE | {"stems": STEMS[:1]})
    (line,) = complaint(film(house.parent, stems=[STEMS[0], STEMS[0] | {"file": "other.wav"}]))
    assert line.startswith("film.json:")
    assert "stems[1].id: stem id 'DX' is given twice" in line


def test_null_takes_back_what_was_said(house: Path) -> None:
    assert read_project(film(house.parent, frame_rate=None)).frame_rate is None


def test_a_house_may_extend_another_and_be_of_an_older_version(tmp_path: Path) -> None:
    written(tmp_path / "network.json", schema="stemmix.project/1", profile="trailer", balance=True, stems=[STEMS[0]])
    written(tmp_path / "house.json", extends="network.json", profile="series", stems=[])
    project = read_project(film(tmp_path, stems=[STEMS[1]]))
    assert (project.profile, project.balance) == ("series", True)
    assert [(stem.id, stem.at) for stem in project.stems] == [("DX", 0.0), ("MX", None)]


def complaint(path: Path) -> list[str]:
    with pytest.raises(ProjectError) as caught:
        read_project(path)
    return str(caught.value).replace(f"{path.parent}/", "").splitlines()


def test_a_fault_is_told_in_the_file_that_has_it(house: Path) -> None:
    """Also where it shows in the whole only: a stem of the project in a group of the house, misspelt there."""
    folder = house.parent
    film(folder, goals={"clarity": 2.0}, stems=[STEMS[0] | {"role": "dialog"}])
    written(house, **HOUSE | {"profile": "serious", "deliverables": [{"name": "mix", "preset": "ebu"}]})
    lines = complaint(folder / "film.json")
    told = {line.split(": ")[1]: line.split(":")[0] for line in lines}
    assert told == {
        "goals.clarity": "film.json",
        "stems[0].role": "film.json",
        "profile": "house.json",
        "deliverables[0].preset": "house.json",
    }
    assert "did you mean 'dialogue'?" in next(line for line in lines if "role" in line)
    assert "did you mean 'series'?" in next(line for line in lines if "profile" in line)
    for line in lines:
        name, row, column = line.split(":")[:3]
        text = (folder / name).read_text().splitlines()[int(row) - 1]
        assert text[int(column) - 1] in '"2', line


def test_what_is_found_when_stems_are_opened_is_told_where_the_chain_says_it(house: Path) -> None:
    path = film(written(house, **HOUSE, stems=[{"id": "AMB", "role": "ambience", "file": "amb.wav"}]).parent)
    project = read_project(path)
    found = {
        stem.id: Whereabouts(path, project).of(("stems", number, "file")) for number, stem in enumerate(project.stems)
    }
    for name, file in (("AMB", house), ("DX", path), ("MX", path)):
        where, line, column = found[name].rsplit(":", 2)
        assert where == str(file)
        assert file.read_text().split("\n")[int(line) - 1][int(column) - 1 :].startswith(f'"{name.lower()}.wav"')


def test_a_project_that_is_not_what_stands_on_the_disk_has_no_lines(house: Path) -> None:
    """One of a revision, or out of a receipt."""
    path = film(house.parent)
    project = read_project(path)
    film(house.parent, stems=STEMS[1:])
    assert Whereabouts(path, project).of(("stems", 1, "file")) == str(path)
    path.unlink()
    assert Whereabouts(path, project).of(("stems", 1, "file")) == str(path)


def test_a_template_by_itself_is_no_project(house: Path) -> None:
    assert complaint(house) == ["house.json:1:1: stems: is missing", "house.json:1:1: title: is missing"]


def test_chains_have_ends(tmp_path: Path) -> None:
    film(tmp_path, extends="film.json")
    assert complaint(tmp_path / "film.json") == [
        "film.json:3:13: extends: goes in a circle: film.json extends film.json"
    ]
    for number in range(MAX_FILES):
        written(tmp_path / f"{number}.json", extends=f"{number + 1}.json")
    film(tmp_path, extends="0.json")
    (line,) = complaint(tmp_path / "film.json")
    assert line.startswith(f"{MAX_FILES - 2}.json:3:13: extends: more than {MAX_FILES} files: film.json extends 0.json")


@pytest.mark.parametrize(
    ("extends", "said"),
    [
        ("gone.json", "extends: 'gone.json' does not exist"),
        ("../house.json", "extends: '../house.json' leaves the project's folder"),
        ("/etc/passwd", "extends: '/etc/passwd' is absolute"),
        ("house:series.json", "STEMMIX_ROOT_HOUSE does not say where that is"),
        (3, "extends: expected text, got 3"),
    ],
)
def test_a_house_is_found_by_the_rules_for_stems(tmp_path: Path, extends: object, said: str) -> None:
    (line,) = complaint(film(tmp_path, extends=extends))
    assert said in line


def test_a_house_may_lie_under_a_named_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "standards" / "series.json", **HOUSE)
    monkeypatch.setenv("STEMMIX_ROOT_HOUSE", str(tmp_path / "standards"))
    assert read_project(film(tmp_path / "work", extends="house:series.json")).profile == "series"


# ------------------------------------------------------------------------------------------------------ the one form


def test_what_is_said_against_a_house_is_kept_though_it_is_a_default(house: Path) -> None:
    path = film(house.parent, profile="film", goals={"voice": True}, balance=False)
    path.write_text(formatted(path)[1])
    kept = json.loads(path.read_text())
    assert (kept["profile"], kept["goals"], kept["balance"]) == ("film", {"voice": True}, False)
    assert formatted(path)[0] == formatted(path)[1]


def test_a_template_has_the_one_form_too(house: Path) -> None:
    house.write_text(formatted(house)[1])
    assert json.loads(house.read_text()) == {"schema": "stemmix.project/2"} | HOUSE
    assert formatted(house)[0] == formatted(house)[1]


def test_a_template_may_have_stems_and_no_title(tmp_path: Path) -> None:
    house = written(tmp_path / "house.json", stems=STEMS[:1])
    house.write_text(formatted(house)[1])
    assert [stem.id for stem in read_project(film(tmp_path, stems=STEMS[1:])).stems] == ["DX", "MX"]


def test_a_list_of_reels_has_the_one_form_too(tmp_path: Path) -> None:
    path = tmp_path / "programme.json"
    path.write_text('{"title": "P", "reels": ["one.json"], "schema": "stemmix.programme/1"}')
    form = '{\n  "schema": "stemmix.programme/1",\n  "title": "P",\n  "reels": [\n    "one.json"\n  ]\n}\n'
    assert formatted(path)[1] == form
    assert migrated(path) is None
    path.write_text('{"schema": "stemmix.programme/1", "title": "P", "reals": []}')
    with pytest.raises(ProjectError, match=r"programme\.json:1:49: reals: unknown field; did you mean 'reels'?"):
        formatted(path)


def test_a_byte_order_mark_is_no_part_of_the_one_form(house: Path) -> None:
    form = formatted(house)[1]
    house.write_text(f"\ufeff{form}", encoding="utf-8")
    assert formatted(house) == (f"\ufeff{form}", form)
    assert read_project(film(house.parent)).profile == "series"


def test_an_old_file_is_for_migrate(tmp_path: Path) -> None:
    path = written(tmp_path / "film.json", schema="stemmix.project/1", title="Reel", stems=STEMS)
    with pytest.raises(ProjectError, match=r"film\.json:2:12: schema: is of version 1; `stemmix migrate` brings it"):
        formatted(path)


NAMES = st.text("abcdefgh", min_size=1, max_size=6)
TIMES = st.one_of(
    st.integers(0, 500),
    st.floats(0, 500),
    st.sampled_from(["0:01:23.5", "1:02", "4800 samples", "00:00:10:12"]),
)
FADERS = st.sampled_from([0, -2, -2.0, 1.5, 0.0, -0.0])


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Valid projects as people might type them: fields in any order, defaults written out or not."""

    def some(**fields: st.SearchStrategy[Any]) -> dict[str, Any]:
        chosen = draw(st.permutations(sorted(fields)))[: draw(st.integers(0, len(fields)))]
        return {name: draw(fields[name]) for name in chosen}

    ids = draw(st.lists(NAMES, min_size=1, max_size=3, unique=True))
    stems: list[dict[str, Any]] = []
    for stem in ids:
        fields = some(
            gain_db=FADERS, pan=st.sampled_from([0, 0.5, -1]), priority=st.integers(0, 900), solo=st.booleans()
        )
        if draw(st.booleans()):
            fields["clips"] = [{"file": "a.wav", **some(at=TIMES, gain_db=FADERS, mute=st.just(False))}]
        else:
            fields |= {"file": "b.wav", **some(at=TIMES)}
        stems.append({"role": draw(st.sampled_from(["dialogue", "music", "fx"])), "id": stem, **fields})
    rest = some(
        profile=st.sampled_from(["film", "podcast"]),
        balance=st.booleans(),
        goals=st.just({"voice": True, "clarity": 0.5}),
        priorities=st.just({"fx": 300, "dialogue": 900}),
        note=st.sampled_from(["für Anna", ""]),
    )
    pairs = [("schema", "stemmix.project/2"), ("title", "T"), ("frame_rate", "25"), ("stems", stems), *rest.items()]
    return dict(draw(st.permutations(pairs)))


@given(document=documents())
@settings(max_examples=60, deadline=None)
def test_the_one_form_is_reached_at_once_and_means_the_same(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_text(json.dumps(document))
    meant = read_project(path)
    text = formatted(path)[1]
    path.write_text(text, encoding="utf-8")
    assert formatted(path) == (text, text)
    assert read_project(path) == meant
    assert list(json.loads(text)) == sorted(
        json.loads(text), key=[field.alias or name for name, field in ProjectFile.model_fields.items()].index
    )


def test_numbers_are_written_alike_however_they_were_typed(tmp_path: Path) -> None:
    texts = set()
    for typed in ("-2", "-2.0", "-2.00", "-0.2e1"):
        path = written(tmp_path / "film.json", title="Reel", stems=[STEMS[0] | {"gain_db": "TYPED"}])
        path.write_text(path.read_text().replace('"TYPED"', typed))
        texts.add(formatted(path)[1])
    (text,) = texts
    assert '"gain_db": -2.0' in text


def test_the_keys_of_joined_lists_are_fields_of_their_items() -> None:
    schema = Project.model_json_schema()
    for name, key in KEYS.items():
        items = schema["properties"][name]["items"]
        refs = [one["$ref"] for one in items.get("oneOf", [items])]
        assert all(key in schema["$defs"][ref.rpartition("/")[2]]["properties"] for ref in refs), name


def test_a_file_by_itself_does_not_look_for_its_house(tmp_path: Path) -> None:
    alone = read_project_file(film(tmp_path, extends="gone.json"))
    assert alone.extends == "gone.json"
    assert canonical(alone).startswith('{\n  "schema": "stemmix.project/2",\n  "extends": "gone.json"')


# ------------------------------------------------------------------------------------------- what is wrong, and where

WHOLE: dict[str, Any] = {
    "schema": "stemmix.project/2",
    "title": "Reel",
    "profile": "film",
    "method": "multilevel",
    "frame_rate": "25",
    "start": "01:00:00:00",
    "priorities": {"music": 90},
    "groups": [{"id": "BED"}],
    "stems": [
        {
            "id": "DX",
            "role": "dialogue",
            "clips": [
                {
                    "file": "dx.wav",
                    "in": 1.0,
                    "at": "01:00:10:00",
                    "layout": "1.0",
                    "order": "wave",
                    "pull": "25/24",
                    "fade_in": {"length": 0.5, "shape": "linear"},
                }
            ],
            "crossfade": "linear",
            "automation": {"gain_db": [{"at": 1, "value": 0}, {"at": 2, "value": -3}, {"at": 3, "value": 0}]},
        },
        {"id": "MX", "role": "music", "group": "BED", "file": "mx.wav", "gain_db": -2},
    ],
    "pins": [{"id": "one", "stem": "MX", "from": 1, "to": 2, "forbid": ["duck"]}],
    "cues": [{"stem": "DX", "from": 1, "to": 2}],
    "deliverables": [
        {"name": "mix", "preset": "ebu-r128", "layout": "2.0", "format": "wav24", "order": "wave"},
        {"name": "folded", "kind": "fold_down", "layout": "1.0", "parent": "mix"},
        {"name": "minus", "kind": "mix_minus", "without": ["DX"]},
    ],
}
CLIP = ("stems", 0, "clips", 0)
POINTS = ("stems", 0, "automation", "gain_db")

WRONG: list[tuple[tuple[str | int, ...], Any, str]] = [
    # nearest names of everything that has a list of names
    (("profile",), "films", "did you mean 'film'?"),
    (("method",), "multi-level", "did you mean 'multilevel'?"),
    (("frame_rate",), "29.97fd", "did you mean '29.97df'?"),
    (("stems", 0, "role"), "dialog", "'dialog' is not one of dialogue, narration, .*did you mean 'dialogue'"),
    (("stems", 1, "group"), "BEDS", "'BEDS' is not a group of this project; expected one of BED; did you mean 'BED'?"),
    (("stems", 0, "crossfade"), "equal-power", "did you mean 'equal_power'?"),
    ((*CLIP, "layout"), "5.1.0", "did you mean '5.1'?"),
    ((*CLIP, "order"), "waves", "did you mean 'wave'?"),
    ((*CLIP, "pull"), "25/25", "did you mean '25/24'?|did you mean '24/25'?"),
    ((*CLIP, "fade_in", "shape"), "lin", "did you mean 'linear'?"),
    (("pins", 0, "stem"), "MXX", "'MXX' is not a stem of this project; expected one of DX, MX; did you mean 'MX'?"),
    (("pins", 0, "forbid", 0), "ducks", "did you mean 'duck'?"),
    (("cues", 0, "stem"), "dx", "'dx' is not a stem of this project; .*did you mean 'DX'?"),
    (("deliverables", 0, "preset"), "ebu-r12", "did you mean 'ebu-r128'?"),
    (("deliverables", 0, "layout"), "2.1", r"did you mean '\d\.\d'?"),
    (("deliverables", 0, "format"), "wav-24", "did you mean 'wav24'?"),
    (("deliverables", 1, "kind"), "folddown", "did you mean 'fold_down'?"),
    (("deliverables", 1, "parent"), "mixx", "'mixx' is not a printmaster of this project; .*did you mean 'mix'?"),
    (("deliverables", 2, "without", 0), "D", "'D' is not a stem of this project"),
    (("deliverables", 0, "preset"), "netflx", "not one of the 33 that are known; did you mean 'netflix-nearfield-51'?"),
    (("stems", 0, "role"), "amb", "did you mean 'ambience'?"),
    # numbers that are names
    (("frame_rate",), 25, '25 is not one of 23.976, .*; did you mean "25", in quotes?'),
    (("deliverables", 0, "layout"), 5.1, '5.1 is not one of .*; did you mean "5.1", in quotes?'),
    (("deliverables", 0, "layout"), 2, 'did you mean "2.0", in quotes?'),
    # unknown fields, at every depth
    (("profil",), "film", "unknown field; did you mean 'profile'?"),
    (("groups", 0, "gain"), 1, "unknown field; did you mean 'gain_db'?"),
    (("stems", 1, "gain"), 1, "unknown field; did you mean 'gain_db'?"),
    ((*CLIP, "fade-in"), {}, "unknown field; did you mean 'fade_in'?"),
    ((*CLIP, "fade_in", "lenght"), 1, "unknown field; did you mean 'length'?"),
    (("stems", 0, "automation", "gain"), [], "unknown field; did you mean 'gain_db'?"),
    ((*POINTS, 1, "val"), 1, "unknown field; did you mean 'value'?"),
    (("pins", 0, "form"), 1, "unknown field; did you mean 'from'?|unknown field; did you mean 'forbid'?"),
    (("deliverables", 2, "with"), [], "unknown field; did you mean 'without'?"),
    # times, at their own places
    (("start",), "01:00:00;00", "'01:00:00;00': at 25 frames are counted non-drop-frame, HH:MM:SS:FF"),
    ((*CLIP, "at"), "00:59:00:00", "'00:59:00:00' lies before the programme's start, 01:00:00:00"),
    ((*CLIP, "in"), "01:00:00:25", "'01:00:00:25' has no frame 25: at 25 frames a second they are 00 to 24"),
    ((*CLIP, "fade_in", "length"), "half", "'half' is not a time: expected seconds, H:MM:SS.s, a timecode"),
    ((*POINTS, 2, "at"), 2, "must lie after the breakpoint before it"),
    ((*POINTS, 0, "at"), "00:00:00:00", "lies before the programme's start"),
    (("pins", 0, "to"), 0.5, r"'to' \(0.5 s\) must lie after 'from' \(1 s\)"),
    (("cues", 0, "from"), "3:00", r"'to' \(2 s\) must lie after 'from' \(3:00\)"),
    # numbers
    ((*POINTS, 0, "value"), 41, "41 is more than 40.0, the most that is allowed"),
    (("stems", 1, "gain_db"), "-2", "expected a number, got '-2'"),
    (("priorities", "music"), -1, "-1 is less than 0, the least that is allowed"),
    (("priorities", "musics"), 1, "did you mean 'music'?"),
]


@pytest.mark.parametrize(("place", "value", "said"), WRONG)
def test_a_fault_is_told_with_its_place_what_was_expected_and_the_nearest_name(
    tmp_path: Path, place: tuple[str | int, ...], value: Any, said: str
) -> None:
    document = json.loads(json.dumps(WHOLE))
    holder = document
    for key in place[:-1]:
        holder = holder[key]
    holder[place[-1]] = value
    path = tmp_path / "film.json"
    path.write_text(json.dumps(document, indent=2))
    lines = complaint(path)
    matching = [line for line in lines if re.search(said, line)]
    assert matching, lines
    _, row, column, rest = matching[0].split(":", 3)
    field = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    if field == "cues[0].from":  # of two that do not go together it is the later that is looked at
        field, value = "cues[0].to", 2
    assert rest.startswith(f" {field}: "), rest
    text = path.read_text().splitlines()[int(row) - 1][int(column) - 1 :]
    assert text.startswith((json.dumps(value)[:1], f'"{place[-1]}"')), text


def test_what_they_are_held_against_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "film.json"
    path.write_text(json.dumps(WHOLE))
    assert read_project(path).title == "Reel"


def test_what_a_template_says_is_kept_though_it_is_a_default(tmp_path: Path) -> None:
    """It is said to projects that would else have it otherwise, or join it to what they say."""
    house = written(tmp_path / "house.json", sample_rate=48_000, deliverables=[{"name": "printmaster"}])
    path = film(tmp_path, deliverables=[{"name": "stems", "kind": "stems"}])
    meant = read_project(path)
    house.write_text(formatted(house)[1])
    assert json.loads(house.read_text())["sample_rate"] == 48_000
    assert read_project(path) == meant
    assert formatted(house)[0] == formatted(house)[1]
    house.write_text(house.read_text().replace("project/2", "project/1"))
    newer = migrated(house)
    assert newer is not None
    house.write_text(newer[1])
    assert read_project(path) == meant
