"""Programmes delivered through the command line, for `delivery` to measure: to every preset, as parts, in 5.1."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stemmix.create import AUDIO_SUFFIXES
from stemmix.engine.specification import Aim, gain_for
from stemmix.files.documents import read_document
from stemmix.files.projects import read_project
from stemmix.model.deliverables import speech_of
from stemmix.model.layouts import LAYOUTS, SURROUND_5_1
from stemmix.model.plan import Plan
from stemmix.model.presets import PRESETS, Method, Preset
from stemmix.model.receipt import Null, Nulltest, Receipt, WrittenFile
from tests.bench import ffmpeg

Floats = NDArray[np.float64]

REPOSITORY = Path(__file__).resolve().parents[2]
STEMMIX = (sys.executable, "-m", "stemmix")
MISSES = 5
"""Exit code: rendered, but a deliverable misses its specification."""
DIFFERS = 1


@dataclass(frozen=True)
class Programme:
    """Stems in a folder of their own, and what to ask of them."""

    name: str
    folder: Path
    document: Mapping[str, Any]
    """The project without its deliverables."""

    def render(self, name: str, deliverables: Sequence[Mapping[str, Any]], **others: Any) -> Delivered:
        """Write a project with these deliverables, and render it; a specification that is missed is no fault."""
        project = self.folder / f"{name}.json"
        project.write_text(json.dumps({**self.document, **others, "deliverables": deliverables}), "utf-8")
        out = self.folder / name
        self.run(["render", str(project), "--out", str(out), "--quiet"], MISSES)
        return Delivered(self, out / f"{name}.receipt.json")

    def run(self, command: Sequence[str], also_good: int = 0) -> str:
        """A command of stemmix in this working tree; features are kept beside the stems, and go with them."""
        done = subprocess.run(
            [*STEMMIX, *command],
            env=os.environ | {"PYTHONPATH": str(REPOSITORY), "XDG_CACHE_HOME": str(self.folder / "cache")},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode not in {0, also_good}:
            raise SystemExit(f"stemmix {' '.join(command)}\nended with {done.returncode}: {done.stderr}")
        return done.stdout


@dataclass(frozen=True)
class Delivered:
    """What a render wrote."""

    programme: Programme
    receipt_path: Path

    @property
    def plan(self) -> Plan:
        return read_document(self.receipt_path.parent / read_document(self.receipt_path, Receipt).plan, Plan)

    @property
    def files(self) -> tuple[WrittenFile, ...]:
        return read_document(self.receipt_path, Receipt).files

    def path(self, file: WrittenFile) -> Path:
        return self.receipt_path.parent / file.path

    def nulls(self) -> tuple[Null, ...]:
        """What `stemmix nulltest` says."""
        told = self.programme.run(["nulltest", str(self.receipt_path), "--json"], DIFFERS)
        return Nulltest.model_validate_json(told).nulls

    def clear(self) -> None:
        shutil.rmtree(self.receipt_path.parent)


def programme_of(source: Path, folder: Path) -> Programme:
    """A project, or a folder of stems whose roles can be told from their names, copied into `folder`."""
    stems = folder / source.stem
    if source.is_dir():
        stems.mkdir(parents=True)
        for file in sorted(source.iterdir()):
            if file.suffix.lower() in AUDIO_SUFFIXES:
                shutil.copyfile(file, stems / file.name)
        programme = Programme(source.name, folder, {})
        programme.run(["init", str(stems), "--quiet"])
    else:
        for stem in read_project(source).stems:
            for path in stem.paths.values():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source.parent / path, folder / path)
        shutil.copyfile(source, folder / source.name)
    project = json.loads((folder / f"{source.stem}.json").read_text("utf-8"))
    document = {key: value for key, value in project.items() if key != "deliverables"}
    return Programme(source.stem, folder, document)


# ---- every preset ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Met:
    """One programme delivered to one preset: errors against the target, in LU or dB, by who reads the file."""

    programme: str
    preset: str
    method: Method
    target: float
    layout: str
    errors: Mapping[str, float]
    """Ours, and others: scipy for dialogue loudness and RMS, pyloudnorm and ffmpeg for programme loudness."""
    over_ceiling_db: float
    limited_db: float
    barred: str
    """Why the target cannot be met without more limiting than is allowed; empty where it can."""
    other_fails: Sequence[str]
    """What else fails, that is no matter of gain or limiter."""


def presets_with_a_target() -> dict[str, Preset]:
    """Those that say what programme loudness, dialogue loudness or RMS is to be, in a layout that we bring here."""
    return {
        name: preset
        for name, preset in PRESETS.items()
        if (loudness := preset.specification.loudness) is not None
        and loudness.method != "leq_m"
        and loudness.aim is not None
        and _layout(preset) is not None
    }


def _layout(preset: Preset) -> str | None:
    container = preset.specification.container
    allowed = container.layouts if container is not None and container.layouts else ("2.0",)
    return next((layout for layout in ("2.0", "5.1", "1.0") if layout in allowed), None)


def met(programme: Programme, presets: Mapping[str, Preset]) -> Iterator[Met]:
    """One programme brought to every preset; presets of one sample rate and bus are rendered together."""
    together: dict[tuple[int, bool], list[str]] = {}
    for name, preset in presets.items():
        container = preset.specification.container
        rates = container.sample_rates if container is not None and container.sample_rates else (48_000,)
        together.setdefault((48_000 if 48_000 in rates else rates[0], _layout(preset) == "5.1"), []).append(name)
    for number, ((rate_hz, _), names) in enumerate(together.items()):
        wanted = [{"name": name, "preset": name, "layout": _layout(presets[name])} for name in names]
        delivered = programme.render(f"presets_{number}", wanted, sample_rate=rate_hz)
        for file in delivered.files:
            yield _met(programme, delivered.path(file), delivered.plan, file)
        delivered.clear()


def _met(programme: Programme, path: Path, plan: Plan, file: WrittenFile) -> Met:
    specification = PRESETS[file.deliverable].specification
    aim = gain_for(specification, file.measured)
    read = next(finding.value for finding in file.findings if finding.check == "loudness")
    peak_dbtp = file.measured.true_peak_dbtp
    if aim.method is None or aim.target is None or read is None or peak_dbtp is None:
        raise SystemExit(f"{path}: has no loudness, nothing to hold against a target")
    barred = [
        finding.text.partition(": ")[0]
        for finding in file.findings
        if (finding.check, finding.verdict) in {("limiting", "fail"), ("ceiling", "warn")}
    ]
    return Met(
        programme=programme.name,
        preset=file.deliverable,
        method=aim.method,
        target=aim.target,
        layout=file.layout,
        errors={"stemmix": read - aim.target, **_second_opinions(path, plan, file.layout, aim)},
        over_ceiling_db=peak_dbtp - specification.ceiling_dbtp,
        limited_db=0.0 if file.limiting is None else file.limiting.max_reduction_db,
        barred="; ".join(barred),
        other_fails=[
            finding.text
            for finding in file.findings
            if finding.verdict == "fail" and finding.check not in {"limiting", "loudness"}
        ],
    )


def _second_opinions(path: Path, plan: Plan, layout: str, aim: Aim) -> dict[str, float]:
    import soundfile

    assert aim.target is not None
    if aim.method == "rms":
        samples = soundfile.read(path, always_2d=True)[0]
        return {"scipy": 10.0 * float(np.log10(np.mean(samples**2))) - aim.target}
    if aim.method == "dialogue":
        return {"scipy": scipy_lufs_inside(path, layout, speech_of(plan)) - aim.target}
    opinions = {"pyloudnorm": pyloudnorm_lufs(path, layout)}
    if ffmpeg.is_there():
        opinions["ffmpeg"] = ffmpeg.ebur128_of_file(path).integrated_lufs
    return {name: lufs - aim.target for name, lufs in opinions.items() if lufs is not None}


def scipy_lufs_inside(path: Path, layout: str, spans: Sequence[tuple[int, int]]) -> float:
    """Of a file at 48 kHz inside spans, ungated: ITU-R BS.1770-5 Annex 1, its tables 1 and 2 as they are printed."""
    import soundfile
    from scipy.signal import lfilter

    samples, rate_hz = soundfile.read(path, always_2d=True)
    if rate_hz != 48_000:
        raise SystemExit(f"{path}: is at {rate_hz} Hz; the printed coefficients are for 48000")
    head = ([1.53512485958697, -2.69169618940638, 1.19839281085285], [1.0, -1.69065929318241, 0.73248077421585])
    low_cut = ([1.0, -2.0, 1.0], [1.0, -1.99004745483398, 0.99007225036621])
    for zeros, poles in (head, low_cut):
        samples = lfilter(zeros, poles, samples, axis=0)
    inside = np.zeros(len(samples), dtype=bool)
    for start, end in spans:
        inside[start:end] = True
    return -0.691 + 10.0 * float(np.log10(np.sum(np.mean(samples[inside] ** 2, axis=0) * LAYOUTS[layout].weights)))


def pyloudnorm_lufs(path: Path, layout: str) -> float | None:
    """Of a file in stereo, mono or 5.1; LFE is taken out for it."""
    import pyloudnorm
    import soundfile

    samples, rate_hz = soundfile.read(path, always_2d=True)
    if layout == "5.1":
        samples = np.delete(samples, SURROUND_5_1.labels.index("LFE"), axis=1)
    return float(pyloudnorm.Meter(rate_hz).integrated_loudness(samples))


# ---- parts -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Residual:
    """One null test."""

    programme: str
    what: str
    limited_db: float
    null: Null


LOW_CEILING_DBTP = -12.0
"""Puts every limiter to work with parts that stay under full scale: a louder target would print them as float."""


def residuals(programme: Programme) -> list[Residual]:
    """Printed stems and groups against their masters: 24 bits and float, the profile's ceiling and a low one."""
    low = {"ceiling_dbtp": LOW_CEILING_DBTP, "max_limiting_db": 24}
    masters: dict[str, dict[str, Any]] = {
        f"{name}{suffix}": {"name": f"{name}{suffix}", "format": encoding, **limits}
        for name, encoding in (("whole", "wav24"), ("real", "wavfloat"))
        for suffix, limits in (("", {}), ("_low", low))
    }
    deliverables = list(masters.values())
    for name, master in masters.items():
        deliverables += [
            {"name": f"{name}_{by}s", "kind": "stems", "by": by, "parent": name, "format": master["format"]}
            for by in ("stem", "group")
        ]
    delivered = programme.render("parts", deliverables)
    by_path = {file.path: file for file in delivered.files}
    found = []
    for null in delivered.nulls():
        whole = by_path[null.parent]
        limited_db = 0.0 if whole.limiting is None else whole.limiting.max_reduction_db
        # by what was written, not by what was asked for: what would pass full scale goes float
        formats = sorted({by_path[path].format for path in (null.parent, *null.parts)})
        ceiling = f", ceiling {LOW_CEILING_DBTP:g} dBTP" if whole.deliverable.endswith("_low") else ""
        what = f"{' and '.join(formats)}, {len(null.parts)} {null.deliverable.rpartition('_')[2]}{ceiling}"
        found.append(Residual(programme.name, what, limited_db, null))
    delivered.clear()
    return found
