"""A project out of a folder of stems: ids from the file names, roles guessed from the words in them.

A guess is never silent: whatever could not be told from a name is said in a note.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final, NamedTuple

from stemmix.errors import OutputError, ProjectError, StemError
from stemmix.files.audio import AudioFile, inspect, inspect_discrete
from stemmix.files.documents import canonical, from_disk, listed, write_document
from stemmix.files.paths import clip_paths, is_folder, resolved, spelled
from stemmix.files.projects import read_project, read_template
from stemmix.files.timeline import time_reference_of
from stemmix.model.deliverables import PrintedStems, Printmaster
from stemmix.model.layouts import LAYOUTS, MONO, layout_of_labels
from stemmix.model.names import file_name
from stemmix.model.profiles import PROFILES, TALK, Role
from stemmix.model.project import MAX_STEMS, PROJECT_SCHEMA, Project, ProjectFile
from stemmix.model.stems import Stem
from stemmix.placing import placed

AUDIO_SUFFIXES: Final = (
    ".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".aif", ".aiff", ".aifc", ".caf",
    ".mp3", ".ogg", ".oga", ".opus",
)  # fmt: skip
UNREAD_SUFFIXES: Final = (
    ".m4a",
    ".m4b",
    ".aac",
    ".wma",
    ".ac3",
    ".ec3",
    ".eac3",
    ".dts",
    ".amr",
    ".ape",
    ".wv",
    ".mka",
)
"""Audio by name, which nothing here decodes. What may hold a picture is none."""

_Words = dict[str, Role]


def _told(words: dict[Role, str]) -> _Words:
    return {word: role for role, its in words.items() for word in its.split()}


_BEHIND: Final = "ambient bg bgs background backgrounds"
"""Where something lies: an atmosphere, if nothing else is said, and no words that are to be heard; but `bg_music` is
music, and `ambient_fx` an effect."""
_FX: Final = "fx sfx efx effect effects"
_BACKING: Final = "backing bgv bgvs bv bvs bvox choir choirs"
_INSTRUMENTS: Final = (
    "bass brass cello cellos drum drums guitar guitars gtr gtrs horns keys kick orchestra organ pad pads perc "
    "percussion piano rhodes sax snare string strings synth synths trumpet trumpets viola violin violins woodwinds "
    "beat beats"
)

_PROGRAMME: Final = (
    _told(
        {
            Role.DIALOGUE: "dx dia dial dialog dialogs dialogue dialogues vo voiceover voiceovers adr",
            Role.MUSIC: "mx mus music bgm",
            Role.FX: _FX,
            Role.FOLEY: "foley fol",
            Role.WALLA: "walla",
            Role.AMBIENCE: f"amb ambs ambience ambiences ambiance atmo atmos atmosphere {_BEHIND}",
        }
    ),
    _told(
        {
            Role.NARRATION: "narr narration narrator",
            Role.WALLA: "crowd crowds babble",
            Role.DIALOGUE: "vox voice voices speech speaker speakers host hosts cohost guest "
            "guests interview interviews interviewer interviewee intv itv mic mics lav lavs presenter announcer "
            "commentary commentator",
            Role.LEAD: "vocal vocals singer",
            Role.MUSIC: f"score song theme jingle jingles stinger stingers underscore soundtrack {_BACKING} "
            f"{_INSTRUMENTS}",
            Role.FX: "hit hits impact impacts explosion explosions footsteps weapons ui",
            Role.AMBIENCE: "room roomtone wind",
        }
    ),
)
"""Words by rank, in all that is spoken: labels, which an editor writes to say what a track is for, then descriptions,
which say what is to be heard and speak only where no label does (`fx_wind` is an effect).

Instruments are music whatever the profile; but `horn`, `loop` and `lead` are not among them, for elsewhere they are a
car's, an atmosphere's, or an actor's.
"""

_SONG: Final = (
    _told({Role.MUSIC: f"{_BACKING} background backgrounds bg bgs harmony harmonies harm harms"}),
    _told(
        {
            Role.DIALOGUE: "dx dia dial dialog dialogs dialogue dialogues",
            Role.MUSIC: "mx mus music bgm",
            Role.FX: _FX,
            Role.FOLEY: "foley",
            Role.AMBIENCE: "amb ambs ambience ambiences ambiance ambient atmo atmos atmosphere",
        }
    ),
    _told(
        {
            Role.LEAD: "vox voc vocs vocal vocals voice voices vo singer rap rapper narr narration narrator speech "
            "leadvox leadvoc leadvocal leadvocals ldvox"
        }
    ),
    _told({Role.MUSIC: f"score song {_INSTRUMENTS}"}),
    _told({Role.LEAD: "lead ld melody solo"}),
)
"""The same of a song: a backing voice is a background, not the lead; a voice is the lead; a lead guitar is a guitar,
and only a `lead` of which nothing else is said is what the song is about."""

_BEGINNINGS: Final = {
    "dx": Role.DIALOGUE,
    "dialog": Role.DIALOGUE,
    "mx": Role.MUSIC,
    "music": Role.MUSIC,
    "fx": Role.FX,
    "sfx": Role.FX,
    "ambi": Role.AMBIENCE,
    "atmo": Role.AMBIENCE,
}
"""Labels that may be run together with what follows (`dxmain`): few other words begin so."""

DEFAULT_RATE_HZ: Final = 48_000


class Gathered(NamedTuple):
    """A folder of stems, looked at."""

    path: Path
    """Of the project file that comes of it."""
    files: tuple[AudioFile, ...]
    stems: tuple[Stem, ...]
    """One for each file, or set of mono files, in their order."""
    notes: list[str]


def create_project(
    folder: Path, profile: str | None = None, *, template: Path | None = None, force: bool = False
) -> tuple[ProjectFile, Path, list[str]]:
    """Write `folder.json` beside `folder`, with every audio file that lies directly in it as a stem.

    Mono files that are named for the channels of a layout (`fx.L.wav`, `fx.R.wav`), and alike in all else, are one.
    Returns the project, the path written, and notes for the person: what could not be told, what was left out, what
    the files are warned for. Deliverables are a stereo printmaster and the printed stems; the sample rate is the
    commonest among the stems, 48 kHz on a tie; stems stand where their files' time references say (`placing`). What a
    `template` gives, the project leaves to it, and `extends` it; `profile` is its profile then, or `film`. Of every
    file only the header is read: a folder of hours is a project at once, and what is damaged further on is found by
    `check`.

    Raises StemError where the folder is missing or holds no audio, and, naming all of them at once, for files that
    cannot be read: a stem that is left out in silence is a stem that is missing from the mix. ProjectError for an
    unknown profile, more stems than a project takes, or a template that is none or that the project cannot reach;
    OutputError where the project exists already (`force` replaces it) or cannot be written.
    """
    if profile is not None and profile not in PROFILES:
        raise ProjectError(f"profile {profile!r} is not one of {', '.join(PROFILES)}")
    folder, path = project_beside(folder, force=force)
    extends, house = (None, None) if template is None else _template(template, path)
    given = house.model_fields_set if house is not None else set()
    wanted = profile or (house.profile if house is not None else "film")
    gathered = gather(folder, path, wanted, {})
    notes = gathered.notes
    rate_hz = _commonest_rate([file.sample_rate for file in gathered.files])
    if house is not None and "sample_rate" in given:
        rate_hz = house.sample_rate
    notes += notes_of_rates(gathered.files, rate_hz)
    placing = placed(gathered.files, rate_hz, None if house is None else house.frame_rate)
    notes += placing.notes

    own = {
        "profile": wanted,
        "sample_rate": rate_hz,
        "frame_rate": placing.frame_rate,
        "deliverables": (Printmaster(name="printmaster"), PrintedStems(name="stems", kind="stems")),
    }
    own = {field: value for field, value in own.items() if field not in given and value is not None}
    fields = {"schema": PROJECT_SCHEMA, "title": title_of(folder.name), "stems": placing.stems_at(gathered.stems)} | own
    if placing.start is not None:
        fields["start"] = placing.start
    if profile is not None:
        fields["profile"] = profile
    if extends is None:
        made: ProjectFile = Project.model_validate(fields)
    else:
        made = ProjectFile.model_validate(fields | {"extends": extends})
        notes += _faults_with_template(path, made)
    write_document(path, made)
    return made, path, notes


def _faults_with_template(path: Path, made: ProjectFile) -> list[str]:
    """What of a template does not go with these stems, as a pin of one that is not here: for a person to mend."""
    text = canonical(made).encode()
    try:
        read_project(path, read=lambda one: text if one == path else from_disk(one))
    except ProjectError as fault:
        return [f"with its template it is not valid yet: {line}" for line in str(fault).splitlines()]
    return []


def project_beside(folder: Path, *, force: bool) -> tuple[Path, Path]:
    """The folder, and the project file that belongs to it; OutputError where that exists, unless `force`, ProjectError
    where no files can be called by its name."""
    if folder.name in ("", ".."):
        folder = resolved(folder)
    if not folder.name:
        raise StemError(f"{folder}: is not a folder of stems")
    path = folder.with_name(f"{folder.name}.json")
    try:
        file_name("{project}_{deliverable}", {"project": path.stem, "deliverable": "printmaster"}, ".wav")
    except ValueError as fault:
        raise ProjectError(f"{folder}: {fault}: give the folder another name") from None
    refuse_existing(path, force=force)
    return folder, path


def refuse_existing(path: Path, *, force: bool) -> None:
    """An OutputError where a project stands already, unless `force`."""
    if os.path.lexists(path) and not force:
        raise OutputError(f"{path}: already exists; --force replaces it")


def gather(folder: Path, path: Path, profile: str, known: Mapping[str, Role]) -> Gathered:
    """Look at every audio file in a folder, for the project at `path`: ids and roles by their names, and what to say.
    Nothing is guessed, nor said, of the roles that are `known`, by id in lower case.

    Raises StemError and ProjectError as of `create_project`.
    """
    files, notes = _audio_in(folder)
    readings, together = _together(_inspected(files))
    if len(readings) > MAX_STEMS:
        raise ProjectError(f"{folder}: holds {len(readings)} stems; a project takes at most {MAX_STEMS}")
    stems, unclear = _stems(readings, profile, known)
    for stem in stems:
        clip_paths(path, stem, stem.timeline[0])  # what `read_project` would refuse is not written
    notes += [*together, *unclear]
    if lacking := PROFILES[profile].lacking(stem.role for stem in stems):
        notes.append(f"{lacking}, or make the project again with another --profile")
    for file in (file for reading in readings for file in reading.files):
        notes += [f"{file.path.name}: {warning}" for warning in file.warnings]
    return Gathered(path, tuple(readings), stems, notes)


def notes_of_rates(files: Sequence[AudioFile], rate_hz: int) -> list[str]:
    """What is to be said of files at other rates than the project's."""
    others = sorted({file.sample_rate for file in files} - {rate_hz})
    return (
        [f"stems at {', '.join(map(str, others))} Hz will be brought to the project's {rate_hz} Hz"] if others else []
    )


def _template(template: Path, path: Path) -> tuple[str, ProjectFile]:
    """How the project at `path` calls a template, and what it gives."""
    house = read_template(template)
    if resolved(template) == resolved(path):
        raise ProjectError(f"{template}: is the project to be made; it cannot extend itself")
    try:
        return spelled(path, template), house
    except ValueError as fault:
        raise ProjectError(str(fault)) from None


def role_of(name: str, profile: str) -> tuple[Role | None, list[str]]:
    """The role that the words of a file name tell in a profile, and the words that tell it; None where they tell none.

    Words are parted by anything but letters, and by case (`RoomTone2` is room, tone, roomtone); accents are no matter,
    however a system writes them (`música` begins with music). A label (`dx`, `music`,
    `amb`) outranks a description (`voice`, `wind`), which outranks a word that only begins with a label (`dxmain`).
    Among equals the first decides, and all of them are returned, so that a reader can be told of a name that says two
    things. In the profile `music` a voice is the lead, unless it is a backing one.

    >>> role_of("film_reel3_dx1", "film")
    (<Role.DIALOGUE: 'dialogue'>, ['dx'])
    >>> role_of("fx_wind", "film")
    (<Role.FX: 'fx'>, ['fx'])
    >>> role_of("vox", "podcast")[0], role_of("vox", "music")[0], role_of("bg_vox", "music")[0]
    (<Role.DIALOGUE: 'dialogue'>, <Role.LEAD: 'lead'>, <Role.MUSIC: 'music'>)
    >>> role_of("take 7", "film")
    (None, [])
    """
    words = []
    for letters in re.findall(r"[^\W\d_]+", _plain(name)):
        parts = [part.lower() for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+", letters)]
        words += parts if len(parts) == 1 else [*parts, letters.lower()]
    for rank in _SONG if profile == "music" else _PROGRAMME:
        telling = [word for word in words if word in rank]
        if telling:
            role = rank[telling[0]]
            what = next((rank[word] for word in telling if word not in _BEHIND.split()), role)
            return (what if telling[0] in _BEHIND.split() and what not in TALK else role), telling
    for word in words:
        for beginning, role in _BEGINNINGS.items():
            if word.startswith(beginning):
                return role, [word]
    return None, []


def _audio_in(folder: Path) -> tuple[list[Path], list[str]]:
    """Audio files in natural order (`dx2` before `dx10`), and a note of what else lies there."""
    try:
        entries = sorted(folder.iterdir(), key=_natural)
    except OSError as fault:
        raise StemError(f"{folder}: cannot be read: {fault.strerror}") from None
    audio = [entry for entry in entries if entry.suffix.lower() in AUDIO_SUFFIXES and not is_folder(entry)]
    # a leading dot hides a file: some systems leave ._dx.wav beside dx.wav, which is no audio
    files = [entry for entry in audio if not entry.name.startswith(".")]
    decoded = {file.stem.casefold() for file in files}
    if unread := [
        f"{entry}: {entry.suffix[1:].upper()} cannot be read: decode it to WAV or FLAC, or move it out of the folder"
        for entry in entries
        if entry.suffix.lower() in UNREAD_SUFFIXES
        and not entry.name.startswith(".")
        and not is_folder(entry)
        and entry.stem.casefold() not in decoded
    ]:
        raise StemError(listed(unread))
    if not files:
        raise StemError(f"{folder}: holds no audio files ({' '.join(AUDIO_SUFFIXES)})")
    for entry in (folder, *files):
        if not entry.name.isprintable():  # neither are the stand-ins for bytes that are no UTF-8
            raise StemError(f"{str(entry)!r}: its name contains characters that a project file cannot hold; rename it")
    rest = [
        e.name + "/" * is_folder(e) for e in entries if e not in files and (e in audio or not e.name.startswith("."))
    ]
    return files, [f"left out, because hidden or not a stem's audio: {', '.join(rest)}"] if rest else []


def _natural(path: Path) -> list[tuple[int, str]]:
    parts = re.split(r"([0-9]+)", path.name.casefold())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts] + [(-1, path.name)]


def _inspected(files: list[Path]) -> list[AudioFile]:
    readings, faults = [], []
    for file in files:
        try:
            readings.append(inspect(file))
        except StemError as fault:
            faults.append(str(fault))
    if faults:
        raise StemError("\n".join(faults))
    return readings


_CHANNEL: Final = re.compile(rf"(.+)([._ -])({'|'.join({label for one in LAYOUTS.values() for label in one.labels})})")
"""The name of a channel's file, without its ending."""


class _Alike(NamedTuple):
    """What the channels of one sound have in common."""

    name: str
    sign: str
    suffix: str
    rate_hz: int
    frames: int | None
    time_reference: int | None


def _together(files: list[AudioFile]) -> tuple[list[AudioFile], list[str]]:
    """Mono files that are the channels of one layout as one, where the first of them stands; what was joined, in words.

    They are alike but for the channels in their names; one too few or too many, and each is left as it is.
    """
    sets: dict[_Alike, dict[str, AudioFile]] = {}
    for file in files:
        found = _CHANNEL.fullmatch(file.path.stem)
        if found is not None and file.layout == MONO:
            name, sign, label = found.groups()
            alike = _Alike(name, sign, file.path.suffix, file.sample_rate, file.frames, time_reference_of(file))
            sets.setdefault(alike, {})[label] = file
    joined: dict[Path, AudioFile | None] = {}
    notes = []
    for its in sets.values():
        if (layout := layout_of_labels(its)) is not None and layout != MONO:
            first, *others = (file.path for file in files if file in its.values())
            joined |= {first: inspect_discrete({label: file.path for label, file in its.items()})}
            joined |= dict.fromkeys(others)
            notes.append(f"{', '.join(file.path.name for file in its.values())} form one stem, in {layout.name}")
    taken = (joined.get(file.path, file) for file in files)
    return [file for file in taken if file is not None], notes


def _name(file: AudioFile) -> str:
    """What ids and roles are told by: of mono files that are one, what they share."""
    found = _CHANNEL.fullmatch(file.path.stem) if file.parts else None
    return file.path.stem if found is None else found[1]


def _stems(files: Sequence[AudioFile], profile: str, known: Mapping[str, Role]) -> tuple[tuple[Stem, ...], list[str]]:
    prefix = _common_prefix([_name(file) for file in files])
    stems: list[Stem] = []
    notes = []
    # in a song what is not the lead is its bed; elsewhere an effect is cut for dialogue and cut with care: as ambience
    # it would be cut for everything, and as dialogue everything would be cut for it
    untold = Role.MUSIC if profile == "music" else Role.FX
    for file in files:
        name = _name(file)
        own = name[len(prefix) :]
        keep = own if role_of(prefix, profile)[0] is None else name
        identifier = _unique(_identifier(keep), {stem.id.casefold() for stem in stems})
        # what all names share cannot tell them apart: in `music_video_dx` it is the last word that counts
        role, telling = role_of(own, profile)
        if role is None:
            role, telling = role_of(name, profile)
        if (said := known.get(identifier.casefold())) is not None:
            role = said
        elif role is None:
            role = untold
            notes.append(f"could not tell what {file.path.name} is; placed as {role}")
        elif len({role_of(word, profile)[0] for word in telling}) > 1:
            notes.append(f"{file.path.name} could be more than one thing ({', '.join(telling)}); placed as {role}")
        paths = [f"{one.path.parent.name}/{one.path.name}" for one in file.files]
        where = {"files": dict(zip(file.layout.labels, paths, strict=True))} if file.parts else {"file": paths[0]}
        stems.append(Stem.model_validate({"id": identifier, "role": role, **where}))
    return tuple(stems), notes


def _common_prefix(names: list[str]) -> str:
    """What all names begin with, up to a sign that parts words; empty where a name would be left with nothing."""
    if len(names) < 2:
        return ""
    first, last = min(names), max(names)
    same = takewhile(lambda signs: signs[0] == signs[1], zip(first, last, strict=False))
    shared = first[: sum(1 for _ in same)]
    end = max((shared.rfind(sign) for sign in "_-. "), default=-1) + 1
    return shared[:end] if all(_identifier(name[end:]) for name in names) else ""


def _identifier(name: str) -> str:
    """A name as an identifier: without accents, other signs as `_`; may be empty."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", _plain(name)).lstrip("_.-")[:60].rstrip("_.-")


def _plain(name: str) -> str:
    """A name in ASCII: without accents, and without what has no such form."""
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()


def _unique(wanted: str, taken: set[str]) -> str:
    wanted = wanted or "stem"
    names = [wanted, *(f"{wanted}_{number}" for number in range(2, MAX_STEMS + 1))]
    return next(name for name in names if name.casefold() not in taken)


def _commonest_rate(rates_hz: list[int]) -> int:
    allowed = Counter(rate for rate in rates_hz if 32_000 <= rate <= 192_000)
    first, second, *_ = [*allowed.most_common(2), (DEFAULT_RATE_HZ, 0), (DEFAULT_RATE_HZ, 0)]
    return DEFAULT_RATE_HZ if first[1] == second[1] else first[0]


def title_of(name: str) -> str:
    """`film_reel3` as a title: Film reel 3."""
    words = re.sub(r"[_\-. ]+|(?<=[a-z]{2})(?=[0-9])", " ", name).strip()
    return (words[:1].upper() + words[1:])[:200] or name
