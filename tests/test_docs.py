"""Documentation that cannot go stale: what README and the manual name exists, and all that exists is named in them."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import pytest
import typer

import stemmix
from stemmix.cli import app, main
from stemmix.files.projects import formatted

REPOSITORY = Path(__file__).resolve().parents[1]
README, MANUAL = REPOSITORY / "README.md", REPOSITORY / ".github" / "MANUAL.md"
TEXTS = {path.name: path.read_text("utf-8") for path in (README, MANUAL)}

COMMAND_LINE = typer.main.get_command(app)
COMMANDS = COMMAND_LINE.commands  # type: ignore[attr-defined]

MODULES = sorted(module.name for module in pkgutil.walk_packages(stemmix.__path__, "stemmix."))


def options_of(command: typer.core.TyperCommand) -> set[str]:
    """Long names; `--help` needs no word."""
    names = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return {name for name in names if name.startswith("--")} - {"--help"}


def examples_in(text: str) -> list[list[str]]:
    """The words of each `$ stemmix ...` line in a fenced console block, up to a pipe or redirection."""
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    simple = [re.split(r"\s(?:[|>&;]|2>)", line, maxsplit=1)[0] for line in lines]
    return [words for words in (shlex.split(line, comments=True) for line in simple) if words[:1] == ["stemmix"]]


def faults_of(example: list[str]) -> list[str]:
    """What an example names that the command line does not have."""
    known, said = options_of(COMMAND_LINE) | {"--help"}, " ".join(example)
    faults = []
    command = None
    for word in example[1:]:
        if word.startswith("-") and word.partition("=")[0] not in known:
            short = {name for one in (COMMAND_LINE, command) if one for p in one.params for name in p.opts}
            if word not in short:
                faults.append(f"{said}: no option {word}")
        elif command is None and not word.startswith("-"):
            if word not in COMMANDS:
                return [f"{said}: no command {word}"]
            command = COMMANDS[word]
            known |= options_of(command)
    return faults


EVERYWHERE = {"--quiet", "--debug", "--progress"}
"""Told once for all commands."""


def undocumented(text: str) -> list[str]:
    """Commands that no row of a table in a text begins with, and options that the rows of their command do not name."""
    told: dict[str, str] = {}
    for name, row in re.findall(r"^\| `stemmix (\w+)(.*)$", text, re.MULTILINE):
        told[name] = told.get(name, "") + row
    missing = [f"stemmix {name}" for name in COMMANDS if name not in told]
    for name, its in told.items():
        wanted = sorted(options_of(COMMANDS[name]) - EVERYWHERE) if name in COMMANDS else []
        missing += [f"stemmix {name} {option}" for option in wanted if not _stands(option, its)]
    return missing + [option for option in sorted(options_of(COMMAND_LINE)) if not _stands(option, text)]


def _stands(name: str, text: str) -> bool:
    return re.search(rf"{re.escape(name)}(?![\w-])", text) is not None


def test_every_command_and_option_is_in_the_readme() -> None:
    assert undocumented(TEXTS["README.md"]) == []


def test_what_shows_how_far_it_is_is_told() -> None:
    (told,) = re.findall(r"^Whatever takes long \((.*?)\)", TEXTS["MANUAL.md"], re.MULTILINE)
    shown = {name for name, command in COMMANDS.items() if "--progress" in options_of(command)}
    assert set(re.findall(r"`(\w+)`", told)) == shown


def test_the_project_in_the_manual_is_in_its_one_form(tmp_path: Path) -> None:
    _, _, text = TEXTS["MANUAL.md"].partition("\n## A project file\n")
    project = tmp_path / "reel3.json"
    project.write_text(text.partition("```json\n")[2].partition("```")[0], "utf-8")
    written, form = formatted(project)
    assert written == form


@pytest.mark.parametrize("name", TEXTS)
def test_every_example_names_commands_and_options_that_exist(name: str) -> None:
    examples = examples_in(TEXTS[name])
    assert examples, "it shows no example: ```console, then `$ stemmix ...`"
    assert [fault for example in examples for fault in faults_of(example)] == []


def answers_in(text: str) -> dict[str, list[str]]:
    """The lines that each command of the console blocks is shown to answer with."""
    answers: dict[str, list[str]] = {}
    for block in re.findall(r"^```console\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        command = ""
        for line in block.splitlines():
            if line.startswith("$ "):
                answers[command := line.removeprefix("$ ")] = []
            elif line.strip():
                answers[command].append(line)
    return answers


READS_ONLY = (
    "check projects/",
    "report projects/film_reel3.json --top",
    "report projects/film_reel3.json --compare",
    "why ",
)


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        pytest.param(command, shown, id=command)
        for command, shown in answers_in(TEXTS["README.md"]).items()
        if command.startswith(tuple(f"stemmix {begins}" for begins in READS_ONLY))
    ],
)
def test_what_the_readme_shows_of_the_example_is_what_is_printed(
    command: str, shown: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Shortened, some of it: each line that is there is one that is printed."""
    monkeypatch.chdir(REPOSITORY)
    assert main(shlex.split(command)[1:]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in shown if line not in printed] == []


def anchors_in(text: str) -> set[str]:
    """What a heading is reached by."""
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("name", TEXTS)
def test_every_link_leads_somewhere(name: str) -> None:
    home = README if name == README.name else MANUAL
    links = [link for link in re.findall(r"\]\(([^)]*)\)", TEXTS[name]) if "://" not in link]
    assert len(links) > 5, "the links were not found"
    for link in links:
        place, _, anchor = link.partition("#")
        target = home.parent / place if place else home
        assert target.exists(), link
        assert not anchor or anchor in anchors_in(target.read_text("utf-8")), link


def test_the_short_table_at_the_top_has_the_figures_of_the_long_one() -> None:
    """The one is read first, and the other refreshed."""
    top, _, rest = TEXTS["README.md"].partition("\n## A day with it\n")
    lost, sones, outside = "lines lost", "sones lost", "outside dB"
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in rest.splitlines() if line.startswith("|")]
    head = next(row for row in rows if lost in row)
    measured = {row[0]: dict(zip(head, row, strict=True)) for row in rows if len(row) == len(head)}
    names = {
        "stemmix": "stemmix",
        "a patient mixer, who automates every line by hand": "patient mixer",
        "broadband ducking": "broadband duck",
        "static seven-band EQ": "seven-band EQ",
        "ffmpeg `sidechaincompress`": "ffmpeg sidechaincompress",
    }
    for short, long in names.items():
        figures = [measured[long][lost], measured[long][sones], f"{measured[long][outside]} dB"]
        assert f"| {short} | {' | '.join(figures)} |" in top


def test_what_is_missing_from_a_text_is_found() -> None:
    rows = ["| `stemmix init A` | --profile --force --template |", "| `stemmix init B` | --out |"]
    text = "\n".join(["--quiet --version", *rows, "--from-receipt"])
    missing = undocumented(text)
    assert [name for name in missing if name.startswith("stemmix init")] == ["stemmix init --from-receipt"]
    assert {"stemmix schema", "--debug"} <= set(missing)
    assert "stemmix init --force" in undocumented(text.replace("--force", "--forced"))


@pytest.mark.parametrize(
    ("line", "faults"),
    [
        ("stemmix init reels/film_reel3 --profile film   # guesses", 0),
        ("stemmix --quiet init film -q --force", 0),
        ("stemmix schema > project.schema.json", 0),
        ("stemmix schema | head --lines 3", 0),
        ("stemmix mend film.json", 1),
        ("stemmix init film --loud", 1),
        ("stemmix schema --force", 1),
        ("ls --all", None),
    ],
)
def test_an_example_that_could_not_be_typed_is_found(line: str, faults: int | None) -> None:
    examples = examples_in(f"Text\n\n```console\n$ {line}\nsome --output\n```\n")
    assert len(examples) == (faults is not None)
    assert sum(len(faults_of(example)) for example in examples) == (faults or 0)


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_do_what_they_say(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_examples_in_docstrings() -> None:
    finder = doctest.DocTestFinder()
    found = [example for name in ("units", "model.layouts", "files.json_text", "create") for test in finder.find(
        importlib.import_module(f"stemmix.{name}")) for example in test.examples]  # fmt: skip
    assert len(found) > 10
