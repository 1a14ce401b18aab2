"""The stems of a project as files: looked at before anything is done, and held against the plan that is to mix them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property, partial
from pathlib import Path

from stemmix.engine.mixer import MixedStem, gains_of_stem
from stemmix.errors import StemError
from stemmix.files.audio import AudioFile, inspect, inspect_discrete
from stemmix.files.faults import none_of
from stemmix.files.hashes import FileHash, Hashes, on_demand
from stemmix.files.paths import clip_paths
from stemmix.files.projects import Whereabouts
from stemmix.files.timeline import Timeline, Where, spots_of, time_reference_of, timeline_of
from stemmix.model.choice import ChoiceError
from stemmix.model.layouts import LAYOUTS, STEREO, Layout, Matrix, Order, chained, fold_matrix, placing_matrix
from stemmix.model.plan import Plan
from stemmix.model.project import Project
from stemmix.model.stems import Clip, Stem
from stemmix.model.timecode import Place
from stemmix.planning.passages import HeardStem
from stemmix.stopping import Pool

FAR_S = 600
"""A programme that begins with as much silence, for want of a `start`, is not what somebody wants."""


@dataclass(frozen=True)
class NamedFile:
    """One file of a stem."""

    path: str
    """As the project gives it."""
    channel: str | None
    """What a discrete mono file is for."""
    audio: AudioFile
    hash: FileHash

    @property
    def sha256(self) -> str:
        """Of the file; waits for it where it is being taken. StemError where it cannot be read."""
        return self.hash.sha256


@dataclass(frozen=True)
class Source:
    """A stem that is heard, its files, and where they stand."""

    stem: Stem
    timeline: Timeline
    gain_db: float
    """Its fader and its group's."""
    files: tuple[NamedFile, ...]
    """Each once, in the order of the clips."""
    warnings: tuple[str, ...]
    lag: int = 0
    """Samples that it was late against what it was recorded together with, and was moved back by."""
    inverted: bool = False
    """Whether it was the other way up, and was turned."""

    @property
    def at(self) -> int:
        """Where it begins, in samples of the programme."""
        return self.timeline.at

    @property
    def layout(self) -> Layout:
        """Of the files."""
        return self.timeline.audio.layout

    @cached_property
    def sha256(self) -> str:
        """Of all that is heard of it: of one whole file, the file's own. Waits for what is being taken."""
        return self.timeline.sha256({file.audio.path: file.sha256 for file in self.files})

    @property
    def seen_before(self) -> bool:
        """Whether it may have been heard before: the hash of each of its files is known, or it has the size of one that
        is."""
        return all(file.hash.seen_before for file in self.files)

    def begin_hash(self) -> None:
        """A core has nothing else to do: have its files' hashes taken, where that has waited."""
        for file in self.files:
            file.hash.begin()

    def refuse_change(self) -> None:
        """A StemError where a file of it is not the one any more that was hashed."""
        for file in self.files:
            file.hash.refuse_change()

    @property
    def untouched(self) -> bool:
        """Whether nobody has done anything to its files since they were opened: what was read may be kept."""
        return all(file.hash.untouched for file in self.files)

    @property
    def named(self) -> str:
        """What errors call it: its file, or its id."""
        whole = self.timeline.is_whole_file
        return str(self.timeline.audio.path) if whole else f"stem {self.stem.id!r} ({self.stem.named})"

    def fold(self, bus: Layout) -> Matrix:
        """What listeners in stereo get of it: its place on the bus, folded. Decisions are made on that."""
        return chained(placing_matrix(self.timeline.layout, bus, self.stem.pan), fold_matrix(bus, STEREO))

    def moved(self, lag: int, *, inverted: bool) -> Source:
        """In line with what it was recorded together with."""
        timeline = self.timeline.moved(-lag, inverted=inverted)
        return replace(self, timeline=timeline, lag=lag, inverted=inverted)

    def mixed(self, plan: Plan, bus: Layout, without: frozenset[str] = frozenset()) -> MixedStem:
        """As the mixer takes it, with what the plan does to it, but for some moves by id."""
        gains = gains_of_stem(plan, self.stem.id, without)
        return MixedStem(self.timeline, self.gain_db, gains, bus, self.stem.pan)

    def warned(self, *warnings: str) -> Source:
        """With what else is to be said of it, that begins with the name of a file or of the stem.

        Files are called in it what the project calls them: it stands in documents, which are the same wherever the
        project lies and is rendered from.
        """
        named = {f"{file.audio.path}: ": f"{file.path}: " for file in self.files}

        def told(warning: str) -> str:
            begins = next((path for path in named if warning.startswith(path)), "")
            return named.get(begins, "") + warning.removeprefix(begins)

        return replace(self, warnings=tuple(dict.fromkeys((*self.warnings, *map(told, warnings)))))

    def with_warnings(self, heard: HeardStem) -> Source:
        """With what the scan found besides."""
        return self.warned(*(f"{self.named}: {warning}" for warning in heard.facts.warnings))


def open_stems(project_path: Path, project: Project, threads: int = 2, hashes: Hashes | None = None) -> list[Source]:
    """Look at every file of every stem that is heard, and place it.

    A StemError names all that cannot be used, each where the project first asks for it.

    Their `hashes` are begun with; without, each is taken when it is asked for.

    ProjectError as of `timeline_of`.
    """
    whereabouts = Whereabouts(project_path, project)
    where = {stem.id: partial(_below, whereabouts, ("stems", index)) for index, stem in enumerate(project.stems)}
    looks = {
        stem.id: [_Look.of(clip, clip_paths(project_path, stem, clip)) for clip in stem.timeline]
        for stem in project.heard
    }
    wanted = list(dict.fromkeys(look for its in looks.values() for look in its))
    with Pool(threads, "open") as pool:
        looked_at = dict(zip(wanted, pool.map(_Look.taken, wanted), strict=True))
    audios: dict[_Look, AudioFile] = {}
    faults: dict[str, str] = {}
    for stem in project.heard:
        for look, spot in zip(looks[stem.id], spots_of(where[stem.id], stem), strict=True):
            found = looked_at[look]
            if isinstance(found, AudioFile):
                audios[look] = found
            elif str(found) not in faults:
                faults[str(found)] = spot.told(look.field, str(found))
    if faults:
        raise StemError("\n".join(faults.values()))
    hash_of = cache(on_demand) if hashes is None else hashes.of
    for audio in (audio for whole in audios.values() for audio in whole.files):
        hash_of(audio.path)
    return [
        _source(where[stem.id], project, stem, [audios[look] for look in looks[stem.id]], hash_of)
        for stem in project.heard
    ]


def _below(whereabouts: Whereabouts, above: Place, place: Place) -> str:
    return whereabouts.of((*above, *place))


def _source(
    where: Where, project: Project, stem: Stem, audios: Sequence[AudioFile], hash_of: Callable[[Path], FileHash]
) -> Source:
    named = {
        (path, label): NamedFile(path, label, audio, hash_of(audio.path))
        for clip, whole in zip(stem.timeline, audios, strict=True)
        for (label, path), audio in zip(clip.paths.items(), whole.files, strict=True)
    }
    timeline = timeline_of(where, stem, audios, project.clock, project.layout)
    warnings = [warning for audio in audios for warning in audio.warnings]
    if project.start is None and timeline.at >= FAR_S * project.sample_rate and _is_placed_by_files(stem, audios):
        far = project.clock.told(timeline.at)
        warnings.append(
            f"{timeline.audio.path}: would begin {far} into the programme by its time reference; give the project a "
            "'start', or the stem an 'at'"
        )
    if late := _after_the_end(project, stem, timeline):
        warnings.append(late)
    source = Source(stem, timeline, gain_db=project.fader_db(stem), files=tuple(named.values()), warnings=())
    return source.warned(*warnings)


def _after_the_end(project: Project, stem: Stem, timeline: Timeline) -> str:
    """That the picture is over before a stem, or a clip of it, begins; empty where it is not."""
    if project.length is None:
        return ""  # the programme ends with the stem that ends last
    end = project.clock.length(project.length)
    late = [piece for piece in timeline.pieces if piece.at >= end]
    if not late:
        return ""
    more = f" and {len(late) - 1} more" if len(late) > 1 else ""
    what = f"{late[0].name}{more} of stem {stem.id!r}" if len(late) < len(timeline.pieces) else f"stem {stem.id!r}"
    begins, ends = (project.clock.told(sample) for sample in (late[0].at, end))
    return f"{late[0].audio.path}: nothing of {what} is heard: it begins at {begins}, and the picture ends at {ends}"


def _is_placed_by_files(stem: Stem, audios: Sequence[AudioFile]) -> bool:
    """Whether nothing but time references says where a stem stands."""
    return all(
        clip.at is None and time_reference_of(audio) is not None
        for clip, audio in zip(stem.timeline, audios, strict=True)
    )


@dataclass(frozen=True)
class _Look:
    """What a file is looked at as: once, however many clips are made of it."""

    paths: tuple[tuple[str | None, Path], ...]
    layout: str | None
    order: Order

    @classmethod
    def of(cls, clip: Clip, paths: Mapping[str | None, Path]) -> _Look:
        return cls(tuple(paths.items()), clip.layout, clip.order)

    @property
    def field(self) -> str:
        """Of the clip or stem that asks for it."""
        return "file" if None in dict(self.paths) else "files"

    def taken(self) -> AudioFile | StemError:
        whole = dict(self.paths).get(None)
        try:
            if whole is None:
                return inspect_discrete({label: path for label, path in self.paths if label is not None})
            return inspect(whole, None if self.layout is None else LAYOUTS[self.layout], self.order)
        except StemError as fault:
            return fault


def refuse_unheard(project: Project, stem: str) -> None:
    """A ChoiceError where a stem, by its id, is not of the project or is not heard."""
    if (fault := unheard(project, stem)) is not None:
        raise ChoiceError("stem", fault)


def unheard(project: Project, stem: str) -> str | None:
    """Why no stem of this id is heard, for a person; None where one is."""
    known = [one.id for one in project.heard]
    if stem in known:
        return None
    if any(one.id == stem for one in project.stems):
        return f"stem {stem!r} {project.why_unheard(stem)}: it is not listened to"
    return f"stem {none_of(stem, known)}"


def stale_reasons(plan: Plan, project: Project, sources: Sequence[Source]) -> list[str]:
    """In what a plan was made for other stems than these, one sentence each."""
    reasons = []
    length = project.frames_of(max((stem.at + stem.frames for stem in plan.stems), default=0))
    if plan.frames != length:
        reasons.append(f"it is {plan.frames} samples long, the programme {length}")
    if plan.sample_rate != project.sample_rate:
        reasons.append(f"it is for {plan.sample_rate} Hz, the project for {project.sample_rate} Hz")
    planned, present = {stem.id: stem for stem in plan.stems}, {source.stem.id: source for source in sources}
    reasons += [f"stem {name} is not in it" for name in present if name not in planned]
    there = {stem.id for stem in project.stems}
    reasons += [
        f"its stem {name} {project.why_unheard(name) if name in there else 'is not in the project'}"
        for name in planned
        if name not in present
    ]
    for name, source in present.items():
        if name in planned and planned[name].sha256 != source.sha256:
            more = "" if source.timeline.is_whole_file else " or what is made of it"
            reasons.append(f"{source.stem.named} of stem {name}{more} has changed since")
        if name in planned and planned[name].at != source.at:
            reasons.append(f"stem {name} has been moved")
        if name in planned and planned[name].gain_db != source.gain_db:
            with_group = "" if source.stem.group is None else ", with its group's,"
            reasons.append(
                f"the fader of stem {name}{with_group} has been moved from {planned[name].gain_db:g} dB to "
                f"{source.gain_db:g} dB"
            )
        if name in planned and planned[name].pan != source.stem.pan:
            reasons.append(f"the pan of stem {name} has been moved from {planned[name].pan:g}")
        if name in planned and (planned[name].layout, planned[name].order) != source.stem.channels_said:
            reasons.append(f"the channels of stem {name} were described differently")
        if name in planned and planned[name].role is not source.stem.role:
            reasons.append(f"stem {name} was {planned[name].role.value} then")
    heard = {stem.id for stem in project.heard}
    reasons += [
        f"stem {stem.id} was brought into line with its group then"
        for stem in plan.stems
        if (stem.lag or stem.inverted) and stem.id in heard - project.in_line
    ]
    conflicts = {conflict.id for conflict in plan.conflicts}
    reasons += [
        f"its move {move.id} is made because of {because}, which it does not list"
        for move in plan.moves
        for because in move.because
        if because not in conflicts
    ][:3]
    return reasons
