"""Golden features: what a scan hears in a sound that is made, by the version that it is kept under.

Features are kept by content and version: a scan that hears otherwise under the same version would be mixed with what
was heard before. After a change that is meant: count `FEATURES_VERSION` up, and `python3 -m pytest tests/golden
--rewrite-golden`. Levels may be off by 0.05 dB, so that another processor passes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from stemmix.analysis.scan import StemScan
from stemmix.model.features import FEATURES_VERSION, Look
from tests.golden.test_golden import differences
from tests.material import RATE_HZ, chords, clicks, noise, voice

PATH = Path(__file__).parent / "features" / "scan.json"
EVERY = 12
"""One row in so many: a quarter of a second."""
NEAR_CENTIBEL = 5


def heard() -> dict[str, Any]:
    """Speech, chords, hits and air, which is silent for half a second."""
    frames = 4 * RATE_HZ
    signal = voice(frames, [(0.5, 1.7), (2.6, 3.6)]) + 0.3 * chords(frames) + clicks(frames, (0.9, 2.9))
    signal += noise(frames, seed=4, rms=0.003)
    signal[2 * RATE_HZ : 2 * RATE_HZ + RATE_HZ // 2] = 0.0
    rows: list[np.ndarray] = []
    scan = StemScan(RATE_HZ, 0, rows.append)
    scan.process(signal)
    facts = scan.finish(source_rate=RATE_HZ, source_layout="2.0", look=Look(0.0, 0, None))
    return {
        "version": FEATURES_VERSION,
        "facts": json.loads(facts.model_dump_json(exclude={"version", "centroid_hz", "rolloff_hz"})),
        "rows": np.concatenate(rows)[::EVERY].tolist(),
    }


def test_a_scan_hears_what_its_version_heard(rewrite: bool) -> None:
    found = heard()
    if rewrite:
        rows = ",\n".join(json.dumps(row) for row in found["rows"])
        text = json.dumps(found | {"rows": []}, indent=1).replace('"rows": []', f'"rows": [\n{rows}\n]')
        PATH.write_text(f"{text}\n", "utf-8")
    golden = json.loads(PATH.read_text("utf-8"))
    assert golden["version"] == FEATURES_VERSION, "of another version: python3 -m pytest tests/golden --rewrite-golden"
    said = differences(golden["facts"], found["facts"])
    rows = np.array(golden["rows"]), np.array(found["rows"])
    assert rows[0].shape == rows[1].shape
    off = np.argwhere(np.abs(rows[0] - rows[1]) > NEAR_CENTIBEL)
    said += [f"row {row * EVERY}, column {column}" for row, column in off[:20]]
    assert not said, "\n".join([*said, "if it is meant: count FEATURES_VERSION up"])
