"""The rooms of the house: who may import whom, held as data."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import stemmix

REPOSITORY = Path(__file__).resolve().parents[1]
PACKAGE = REPOSITORY / "stemmix"

FOUNDATIONS = ("units", "signs", "bands", "errors", "stopping", "crew")
ROOMS = ("model", "dsp", "files", "analysis", "planning", "engine", "report")
ROOT = (
    "pipeline",
    "alignment",
    "batch",
    "cluster",
    "create",
    "compare",
    "decided",
    "destinations",
    "excerpts",
    "keeping",
    "listening",
    "looking",
    "local",
    "machine",
    "marking",
    "nulltest",
    "placing",
    "preparing",
    "recreate",
    "reels",
    "rehearsal",
    "remembered",
    "resume",
    "showing",
    "sources",
    "steps",
    "stored",
    "verify",
)
DOORS = ("cli", "commands", "__main__")

MAY_IMPORT: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(FOUNDATIONS, ()),
    "crew": ("stopping",),
    "model": FOUNDATIONS,
    "dsp": FOUNDATIONS,
    "files": (*FOUNDATIONS, "model", "dsp.sample_kernels"),
    "analysis": (*FOUNDATIONS, "dsp", "model"),
    "planning": (*FOUNDATIONS, "model", "dsp"),
    "engine": (*FOUNDATIONS, "dsp", "model", "files"),
    "report": (*FOUNDATIONS, "model"),
    **dict.fromkeys(ROOT, (*FOUNDATIONS, *ROOMS, *ROOT)),
    **dict.fromkeys(DOORS, (*FOUNDATIONS, *ROOMS, *ROOT, *DOORS)),
}
"""What a room may import beside itself and the bare package (for its version). `dsp.sample_kernels` means that module
only."""

TOP_LEVEL = {"stemmix", "projects", "tests", "pyproject.toml", "README.md"}


def modules_of(package: Path) -> dict[str, Path]:
    """Dotted names below the package, `model.layouts`; a room's `__init__` goes by the room's name."""
    named = {}
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package).with_suffix("").parts
        named[".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)] = file
    return named


def imports_of(module: str, file: Path, package: Path, known: set[str]) -> set[str]:
    """Modules of the package that a file imports, anywhere in it: inside functions and under TYPE_CHECKING too."""
    home = [package.name, *module.split(".")]
    if file.name != "__init__.py" or module == "__init__":
        home.pop()
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = home[: len(home) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            # `from a import b` may mean the module a.b
            names = [f"{source}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "import_module":
            names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        for name in names:
            first, _, inside = str(name).partition(".")
            if first == package.name and inside:
                found.add(inside if inside in known else inside.rpartition(".")[0])
    return found - {"", module}


def graph_of(package: Path) -> dict[str, set[str]]:
    modules = modules_of(package)
    return {module: imports_of(module, file, package, set(modules)) for module, file in modules.items()}


def violations(graph: dict[str, set[str]]) -> list[str]:
    """What breaks the table, one sentence each."""
    found = []
    for module, imported in graph.items():
        room, _, rest = module.partition(".")
        if module == "__init__":
            found += [f"the package's own __init__ imports {other}" for other in sorted(imported)]
            continue
        if room not in MAY_IMPORT or "." in rest:
            found.append(f"{module} belongs to no room")
            continue
        allowed = {room, *MAY_IMPORT[room]}
        found += [
            f"{module} imports {other}"
            for other in sorted(imported)
            if other not in allowed and other.partition(".")[0] not in allowed
        ]
    return found


def cycle_in(graph: dict[str, set[str]]) -> list[str]:
    """A way through the imports that comes back to where it began; empty where there is none."""
    done: set[str] = set()

    def search(module: str, way: list[str]) -> list[str]:
        if module in way:
            return [*way[way.index(module) :], module]
        if module not in done:
            for other in sorted(graph.get(module, ())):
                if found := search(other, [*way, module]):
                    return found
            done.add(module)
        return []

    return next((found for module in graph if (found := search(module, []))), [])


def named_in(text: str) -> list[str]:
    """The rooms and modules that the first column of a map names, however it is drawn."""
    rows = [row[2:].partition(" | ")[0] if row.startswith("| ") else row[:24] for row in text.splitlines()]
    return sorted(re.findall(r"`(\w+)/?`", " ".join(row for row in rows if row.startswith("`"))))


def test_the_table_and_both_maps_of_the_house_name_all_that_there_is() -> None:
    there = sorted({module.partition(".")[0] for module in modules_of(PACKAGE)} - {"__init__", "__main__"})
    assert sorted(set(MAY_IMPORT) - {"__main__"}) == there
    _, _, house = (REPOSITORY / "README.md").read_text("utf-8").partition("\n## The house\n")
    assert named_in(house.partition("\n## ")[0]) == there
    assert named_in(stemmix.__doc__ or "") == there


def test_no_room_imports_what_the_table_does_not_allow() -> None:
    graph = graph_of(PACKAGE)
    assert sum(len(imported) for imported in graph.values()) > 10, "the imports were not found"
    assert violations(graph) == []


def test_no_imports_go_in_a_circle() -> None:
    assert cycle_in(graph_of(PACKAGE)) == []


def planted(folder: Path, files: dict[str, str]) -> dict[str, set[str]]:
    """The import graph of a house of its own, with `model/layouts.py` and `dsp/sample_kernels.py` in it."""
    package = folder / "stemmix"
    rooms = {"__init__.py": "", "units.py": "", "model/__init__.py": "", "model/layouts.py": "", "dsp/__init__.py": ""}
    for name, text in (rooms | {"dsp/sample_kernels.py": "", "dsp/meters.py": ""} | files).items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    return graph_of(package)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("dsp/filters.py", "from stemmix.model import layouts"),
        ("dsp/filters.py", "from stemmix.model.layouts import STEREO"),
        ("dsp/filters.py", "import stemmix.model.layouts"),
        ("dsp/filters.py", "import stemmix.model.layouts as names, math"),
        ("dsp/filters.py", "from ..model import layouts"),
        ("dsp/filters.py", "from ..model.layouts import STEREO"),
        ("dsp/filters.py", "from .. import model"),
        ("dsp/filters.py", "def late():\n    from stemmix.model import layouts"),
        (
            "dsp/filters.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from stemmix.model import layouts",
        ),
        ("dsp/filters.py", "import importlib\nimportlib.import_module('stemmix.model.layouts')"),
        ("dsp/__init__.py", "from ..model import layouts"),
        ("units.py", "from stemmix.model import layouts"),
        ("files/audio.py", "from stemmix.dsp import meters"),
        ("report/text.py", "from stemmix.dsp import sample_kernels"),
        ("analysis/scan.py", "from stemmix import pipeline"),
        ("__init__.py", "from stemmix.model import layouts"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, file: str, text: str) -> None:
    graph = planted(tmp_path, {"pipeline.py": "", file: text})
    assert len(violations(graph)) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "dsp/filters.py",
            "from stemmix.dsp import sample_kernels\nfrom . import meters\nfrom .sample_kernels import x\nimport math",
        ),
        (
            "files/audio.py",
            "from stemmix import __version__\nfrom stemmix.dsp import sample_kernels\nfrom ..model import layouts",
        ),
        ("pipeline.py", "from stemmix.dsp.meters import Meter\nimport stemmix.model.layouts"),
    ],
)
def test_what_the_table_allows_is_not_a_violation(tmp_path: Path, file: str, text: str) -> None:
    graph = planted(tmp_path, {file: text})
    assert violations(graph) == []
    assert graph[file.removesuffix(".py").replace("/", ".")]


@pytest.mark.parametrize("file", ["utils.py", "plugins/base.py", "model/parts/stem.py"])
def test_a_module_without_a_room_is_found(tmp_path: Path, file: str) -> None:
    assert violations(planted(tmp_path, {file: ""})) == [f"{file[:-3].replace('/', '.')} belongs to no room"]


def test_a_planted_circle_is_found(tmp_path: Path) -> None:
    files = {
        "model/a.py": "from . import b",
        "model/b.py": "def f():\n    from stemmix.model.c import x",
        "model/c.py": "from . import a",
    }
    assert cycle_in(planted(tmp_path, files)) == ["model.a", "model.b", "model.c", "model.a"]
    assert cycle_in(planted(tmp_path, files | {"model/c.py": ""})) == []


def test_the_top_level_holds_what_the_design_names_and_nothing_else() -> None:
    if shutil.which("git") is None or not (REPOSITORY / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    top = {line.split("/")[0] for line in listed.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL
