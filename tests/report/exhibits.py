"""An exhibit made up: the evidence of `tests/evidence.py` over time, and a receipt of a render."""

from __future__ import annotations

from typing import Any

import numpy as np

from stemmix.bands import BAND_COUNT
from stemmix.model.exhibit import Exhibit, MasterAim
from stemmix.model.overview import Curve, LoudnessOverview, Overview, StemOverview, TargetOverview
from stemmix.model.presets import Specification
from stemmix.model.receipt import Course, Finding, Limiting, Receipt, SourceFile, WrittenFile
from tests.evidence import LOUD, RATE_HZ, evidence

CELL_SAMPLES = 4800


def overview(cells: int = 900, stems: tuple[str, ...] = ("DX", "MX", "FX", "AMB")) -> Overview:
    """Every stem swings by as much as its number of tenths; bands are the more hidden the higher; loudness rises."""
    rise = np.linspace(-40.0, -15.0, cells)
    quiet = np.where(np.arange(cells) < 10, np.nan, rise)
    loudness = LoudnessOverview(Curve(quiet - 3.0, quiet + 3.0), Curve(quiet - 1.0, quiet), -20.0, -31.5)
    hidden = np.tile(np.linspace(0.0, 1.0, BAND_COUNT), (cells, 1)).astype(np.float32)
    hidden[: cells // 2] = np.nan
    return Overview(
        sample_rate=RATE_HZ,
        frames=cells * CELL_SAMPLES,
        cell_samples=CELL_SAMPLES,
        stems=tuple(
            StemOverview(
                id=name,
                above=np.full(cells, 0.1 * number),
                below=np.full(cells, 0.05 * number),
                spectrum_before_db=np.full(BAND_COUNT, -30.0 - number),
                spectrum_after_db=np.full(BAND_COUNT, -36.0 - number),
            )
            for number, name in enumerate(stems, 1)
        ),
        targets=(TargetOverview(("DX",), np.ones(BAND_COUNT), hidden, hidden / 2),),
        mixed=loudness,
    )


def receipt(**fields: Any) -> Receipt:
    """Of a printmaster that passes with a warning, and a stem that fails."""
    master = WrittenFile(
        path="reel_printmaster.wav",
        deliverable="printmaster",
        kind="printmaster",
        layout="2.0",
        format="wav24",
        frames=90 * RATE_HZ,
        gain_db=-1.5,
        sha256="ab" * 32,
        measured=LOUD,
        specification="profile film",
        limiting=Limiting(max_reduction_db=2.5, active_share=0.1, spans=((0, 10),)),
        course=Course(
            step_s=0.1,
            momentary_lowest_lufs=(None, *[-30.0] * 899),
            momentary_highest_lufs=(None, *[-20.0] * 899),
            short_term_lufs=(None, *[-24.0] * 899),
            gate_lufs=-36.0,
            reduction_db=(*[0.0] * 450, 2.5, *[0.0] * 449),
        ),
        findings=(
            Finding(check="loudness", verdict="pass", text="programme loudness is -23.00 LUFS"),
            Finding(check="phase", verdict="warn", text="sides are out of phase", at_s=((12.0, 15.5),)),
        ),
    )
    stem = master.model_copy(
        update={
            "path": "reel_stems_DX.wav",
            "deliverable": "stems",
            "kind": "stem",
            "course": None,
            "limiting": None,
            "specification": None,
            "findings": (Finding(check="clipping", verdict="fail", text="is clipped"),),
        }
    )
    given: dict[str, Any] = {
        "schema_": "stemmix.receipt/2",
        "title": "Told",
        "project": "reel.json",
        "project_sha256": "cd" * 32,
        "plan": "reel.plan.json",
        "plan_sha256": "ef" * 32,
        "versions": {"stemmix": "0.1.0", "numpy": "2.4"},
        "processor": "x86-64",
        "sample_rate": RATE_HZ,
        "frames": 90 * RATE_HZ,
        "sources": (
            SourceFile(
                stem="DX", path="dx.wav", sha256="12" * 32, frames=90 * RATE_HZ, sample_rate=RATE_HZ, layout="1.0"
            ),
        ),
        "files": (master, stem),
        "passed": False,
    }
    return Receipt.model_validate(given | fields)


def exhibit(**fields: Any) -> Exhibit:
    """Evidence, overview and aims; a receipt only where it is given."""
    told = evidence()
    given: dict[str, Any] = {
        "evidence": told,
        "overview": overview(stems=tuple(stem.id for stem in told.stems)),
        "aims": {"printmaster": MasterAim(Specification.plain("profile film", -23.0, -1.0).loudness, -3.0)},
    }
    return Exhibit(**(given | fields))
