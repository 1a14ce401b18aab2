"""`machine`: memory that a plan of hours took is there again for the mix."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import stemmix
from stemmix.files.documents import canonical
from tests.evidence import RATE_HZ, conflict, line, move, plan

LINES, OF_EACH = 2000, 8

SCRIPT = """
import io, os, re, sys, tempfile
from stemmix.engine.mixer import gains_of_stem
from stemmix.machine import give_back_freed_memory
from stemmix.model.plan import Plan

def arenas():
    with tempfile.TemporaryFile() as told:  # CPython tells them on file descriptor 2
        stderr = os.dup(2)
        os.dup2(told.fileno(), 2)
        sys._debugmallocstats()
        os.dup2(stderr, 2)
        told.seek(0)
        return int(re.search(rb"arenas allocated current *= *([0-9,]+)", told.read())[1].replace(b",", b""))

small, large = (open(path, "rb").read() for path in sys.argv[1:])
gains_of_stem(Plan.model_validate_json(small), "MX")  # what is made once
before = arenas()
plan = Plan.model_validate_json(large)
kept = [gains_of_stem(plan, stem.id) for stem in plan.stems], plan.notes
held = arenas()
del plan
give_back_freed_memory()
print(before, held, arenas())
"""


@pytest.mark.skipif(sys.implementation.name != "cpython", reason="asks CPython for its memory")
def test_what_a_plan_of_hours_took_is_given_back_when_it_is_let_go_of(tmp_path: Path) -> None:
    """But for what is needed of it: no text of it, and nothing freed, is kept all over its place."""
    lines = tuple(
        replace(line(1, 0.3, 0.6), id=f"DX-{number:06}", start=number * RATE_HZ, end=(number + 1) * RATE_HZ - 1)
        for number in range(LINES)
    )
    conflicts = tuple(
        replace(conflict(1, "MX", 1.5, 0.5), id=f"C-{number:05}-{part}", line=one.id, start=one.start, end=one.end)
        for number, one in enumerate(lines)
        for part in range(OF_EACH)
    )
    moves = tuple(
        replace(
            move("MX", kind, tuple(f"C-{number:05}-{part}" for part in range(count))),
            id=f"{one.id}-{kind}",
            line=one.id,
            start=one.start,
            end=one.end,
        )
        for number, one in enumerate(lines)
        for kind, count in (("cut", 1), ("duck", 2), ("scene", 3))
    )
    long = plan(frames=(LINES + 1) * RATE_HZ, lines=lines, conflicts=conflicts, moves=moves)
    paths = (tmp_path / "small.json", tmp_path / "large.json")
    for path, one in zip(paths, (plan(), long), strict=True):
        path.write_text(canonical(one), "utf-8")
    paths_of_code = [str(Path(stemmix.__file__).parents[1]), *filter(None, [os.environ.get("PYTHONPATH")])]
    settings = {"PYTHONPATH": os.pathsep.join(paths_of_code), "PYTHONMALLOC": "pymalloc"}
    asked = [sys.executable, "-c", SCRIPT, *map(str, paths)]
    said = subprocess.run(asked, env=os.environ | settings, stdout=subprocess.PIPE, check=True, text=True).stdout
    before, held, after = map(int, said.split())
    assert held - before > 10, "it takes megabytes, or nothing is shown"
    assert after - before < 0.35 * (held - before), said
