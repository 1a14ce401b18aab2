"""A programme rendered at the defaults, as it came and as it was printed, for `quality` to score."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from stemmix import pipeline
from stemmix.create import AUDIO_SUFFIXES, create_project
from stemmix.crew import Crew
from stemmix.engine.mixer import MixedStem, gains_of_stem, mixed_blocks
from stemmix.errors import ProjectError
from stemmix.files.clips import TimelineReader
from stemmix.files.documents import read_document, write_document
from stemmix.files.projects import read_project
from stemmix.model.plan import Plan
from stemmix.model.presets import Specification
from stemmix.model.profiles import Role
from stemmix.model.project import PrintedStems, Printmaster, Project
from stemmix.model.receipt import Receipt, WrittenFile
from stemmix.sources import open_stems
from stemmix.units import db_from_power, gain_from_db
from tests.bench.scoring import RATE_HZ, Floats


@dataclass(frozen=True, eq=False)
class Rendering:
    """A programme as it came and as it was printed, (frames, 2) each."""

    project: Project
    project_path: Path
    folder: Path
    plan: Plan
    receipt: Receipt

    @property
    def master(self) -> WrittenFile:
        return next(file for file in self.receipt.files if file.kind == "printmaster")

    @property
    def specification(self) -> Specification:
        """What the master is to meet."""
        return self.project.specification(self.project.masters[0])

    def came(self, *, dialogue: bool) -> Floats:
        """The sum of the dialogue stems, or of all others, at their faders."""
        total = np.zeros((self.receipt.frames, 2))
        for source in open_stems(self.project_path, self.project):
            if (source.stem.role is Role.DIALOGUE) != dialogue:
                continue
            at = source.at
            with TimelineReader(source.timeline) as reader:
                while len(block := reader.read(1 << 20)):
                    total[at : at + len(block)] += block * gain_from_db(source.gain_db)
                    at += len(block)
        return total

    def printed_files(self, *, dialogue: bool) -> list[Path]:
        stems = [file for file in self.receipt.files if file.kind == "stem"]
        return [self.folder / file.path for file in stems if (file.role == Role.DIALOGUE) == dialogue]

    def printed(self, *, dialogue: bool) -> Floats:
        """The same as they were printed."""
        total = np.zeros((self.receipt.frames, 2))
        for path in self.printed_files(dialogue=dialogue):
            total += soundfile.read(path, always_2d=True)[0]
        return total


def render(programme: Path, folder: Path) -> Rendering:
    """Render a project or a folder of stems at the defaults in `folder`, which gets a copy of the stems."""
    place = folder / "out"
    if programme.is_dir():
        stems = folder / "stems"
        stems.mkdir()
        for file in sorted(programme.iterdir()):
            if file.suffix.lower() in AUDIO_SUFFIXES:
                shutil.copyfile(file, stems / file.name)
        project = create_project(stems, "film")[0]
    else:
        project = read_project(programme)
        copies = []
        for index, stem in enumerate(project.heard):
            copy = folder / f"{index}{Path(stem.file).suffix}"
            shutil.copyfile(programme.parent / stem.file, copy)
            copies.append(stem.model_copy(update={"file": copy.name}))
        project = project.model_copy(update={"stems": tuple(copies)})
    if project.sample_rate != RATE_HZ:
        raise ProjectError(f"{programme}: is at {project.sample_rate} Hz; only {RATE_HZ} Hz is scored")
    masters = [one for one in project.deliverables if isinstance(one, Printmaster)]
    master = masters[0] if masters else Printmaster(name="printmaster")
    project = project.model_copy(update={"deliverables": (master, PrintedStems(name="stems", kind="stems"))})
    path = folder / "programme.json"
    write_document(path, project)
    (receipt,) = pipeline.render([path], place, progress=lambda step: None)
    plan = read_document(place / receipt.plan, Plan)
    return Rendering(project, path, place, plan, receipt)


def sum_residual_dbfs(rendering: Rendering) -> float:
    """RMS of the master less the sum of its stems in float, no limiter between; the master's own dither is left in it.

    Where the limiter works the plan is rendered again, quieter by as much. Dither alone reads -144.5 dBFS.
    """
    project_path, folder, receipt = rendering.project_path, rendering.folder, rendering.receipt
    master = rendering.master
    if master.limiting is not None and master.measured.integrated_lufs is not None:
        quiet_lufs = round(master.measured.integrated_lufs - master.limiting.max_reduction_db - 2, 2)
        quieter = Printmaster(name="unlimited", target_lufs=quiet_lufs, ceiling_dbtp=0.0)
        project_path = project_path.with_name("unlimited.json")
        write_document(project_path, rendering.project.model_copy(update={"deliverables": (quieter,)}))
        plan_path = folder / receipt.plan
        folder = folder.with_name("unlimited")
        (receipt,) = pipeline.render([project_path], folder, plan_path, progress=lambda step: None)
        master = receipt.files[0]
        if master.limiting is not None:
            raise AssertionError(f"{project_path}: the limiter still works, by {master.limiting.max_reduction_db} dB")
    sources = open_stems(project_path, rendering.project)
    plan = rendering.plan
    stems = [MixedStem(source.timeline, source.gain_db, gains_of_stem(plan, source.stem.id)) for source in sources]
    gain, power = gain_from_db(master.gain_db), 0.0
    with soundfile.SoundFile(folder / master.path) as written, Crew(2, "mix") as crew:
        for blocks in mixed_blocks(stems, plan.frames, plan.sample_rate, crew):
            power += float(np.sum((written.read(len(blocks[0])) - np.sum(blocks, axis=0) * gain) ** 2))
    return db_from_power(power / (2 * receipt.frames))
