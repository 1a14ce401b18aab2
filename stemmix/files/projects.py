"""Project files: read through every version and template to one valid project, and put into their one form.

A file may `extend` another, which may extend a third. What they say is joined from the farthest to the nearest:
objects field by field (`goals`, `priorities`), lists of things with a name item by item, where an item of the nearer
file stands for the farther's as a whole; everything else is the nearest file's that says it, and null, in a field that
may be null, takes back what was said. `schema`, `$schema` and `extends` are each file's own. Paths of stems lead from
the project's own file, wherever they are written; those of `extends` from the file that says it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final, NoReturn

from stemmix.errors import ProjectError
from stemmix.files.documents import Read, canonical, check_schema, from_disk, listed, text_of, validated
from stemmix.files.faults import Places, Spot, told
from stemmix.files.json_text import MAX_PROJECT_BYTES, Place, parse_json
from stemmix.files.paths import located, path_faults, resolved
from stemmix.model.programme import PROGRAMME_SCHEMA, ProgrammeList
from stemmix.model.project import Project, ProjectFile
from stemmix.model.versions import newest, upgraded

MAX_FILES: Final = 8
"""In a chain of files that extend each other."""

KEYS: Final = {"stems": "id", "groups": "id", "pins": "id", "scenes": "id", "deliverables": "name"}
"""Lists that are joined item by item, and what an item is known by."""

_OWN: Final = ("$schema", "schema", "extends")

_PROGRAMME: Final = PROGRAMME_SCHEMA.partition("/")[0] + "/"


def read_project(path: Path, *, read: Read = from_disk, name: str | None = None) -> Project:
    """The project at `path`, templates joined, valid, every stem's path inside its folder or a named root; else a
    ProjectError with the place of every fault, in whichever file it stands.

    The file and those that it extends come by `read`; messages call it `name`. Whether stems exist is for whoever opens
    them.
    """
    return _project(path, _joined(_layers(path, read, name)))


def _project(path: Path, joined: _Joined) -> Project:
    project = validated(Project, json.dumps(joined.value), joined)
    faults = []
    try:
        if doubled := project.doubled_file(path.stem, going_float=True):
            faults.append(told(joined.spot(("deliverables", doubled[0])), doubled[1]))
    except ValueError as misnamed:  # the model has found none with another name in its place
        faults.append(f"{joined.layers[0].name}: {misnamed}: give the project file another name")
    for index, stem in enumerate(project.stems):
        for place, fault in path_faults(path, stem):
            faults.append(told(joined.spot(("stems", index, *place)), fault))
    if faults:
        raise ProjectError(listed(faults))
    return project


class Whereabouts:
    """Where the values of a project stand, for what is found after it was read: when its stems are opened."""

    def __init__(self, path: Path, project: Project) -> None:
        self._path = path
        self._project = project

    @cached_property
    def _joined(self) -> _Joined | None:
        """What stands on the disk; None where that is no project, or another one: a later one than that of a revision
        or a receipt."""
        try:
            joined = _joined(_layers(self._path, from_disk, None))
            same = _project(self._path, joined).stems == self._project.stems
        except ProjectError:
            return None
        return joined if same else None

    def of(self, place: Place) -> str:
        """File, line and column, `film.json:3:5`; the file alone where its text is not that of the project."""
        return str(self._path) if self._joined is None else self._joined.spot(place).where


def read_project_file(path: Path, *, read: Read = from_disk, name: str | None = None) -> ProjectFile:
    """What a file says by itself, in the newest version; what it extends is not looked for. ProjectError where it is
    not valid by itself."""
    layer = _layer(path, read, str(path) if name is None else name)
    return validated(ProjectFile, json.dumps(layer.document), layer.places)


def read_template(path: Path) -> ProjectFile:
    """What a file and all that it extends say together, as far as that goes: `model_fields_set` has the fields that one
    of them gives. ProjectError where it is not valid."""
    joined = _joined(_layers(path, from_disk, None))
    return validated(ProjectFile, json.dumps(joined.value), joined)


def formatted(path: Path, *, read: Read = from_disk) -> tuple[str, str]:
    """The text of a project file, or of a list of reels, as it is, and in canonical form.

    ProjectError where it is of an older version, or not valid: a file that has, with what it extends, a title and stems
    as the whole project, a template as far as it goes.
    """
    if programme := _programme(path, read):
        return programme
    layers = _layers(path, read, None)
    own = layers[0]
    if own.version != newest(own.kind):
        own.refuse(
            ("schema",), f"is of version {own.version}; `stemmix migrate` brings it to version {newest(own.kind)}"
        )
    _hold(path, layers)
    return own.text, canonical(validated(ProjectFile, own.text, own.places), as_typed=own.is_template)


def migrated(path: Path) -> tuple[str, str] | None:
    """A project file's text as it is, and in the newest version; None where that is what it is.

    ProjectError where it is not valid, even then. A list of reels has had one version so far.
    """
    if _programme(path, from_disk):
        return None
    layers = _layers(path, from_disk, None)
    own = layers[0]
    _hold(path, layers)
    if own.version == newest(own.kind):
        return None
    whole = validated(ProjectFile, json.dumps(own.document), own.places)
    return own.text, canonical(whole, as_typed=own.is_template)


def _programme(path: Path, read: Read) -> tuple[str, str] | None:
    """The text and the canonical form of a list of reels; None where the file says that it is something else."""
    name = str(path)
    text = text_of(path, read, MAX_PROJECT_BYTES, name)
    value = parse_json(text, name, max_bytes=MAX_PROJECT_BYTES)
    if not isinstance(value, dict) or not str(value.get("schema")).startswith(_PROGRAMME):
        return None
    check_schema(value, text, name, ProgrammeList)
    return text, canonical(validated(ProgrammeList, text, Places(text, name)))


def _hold(path: Path, layers: list[_Layer]) -> None:
    """ProjectError where a chain of files that makes up a whole project does not hold."""
    joined = _joined(layers)
    if joined.value.keys() >= {"title", "stems"}:
        _project(path, joined)


# ------------------------------------------------------------------------------------------------- files and templates


@dataclass(frozen=True)
class _Layer:
    """One file of a chain."""

    path: Path
    name: str
    text: str
    kind: str
    version: int
    """In which it is written."""
    document: dict[str, Any]
    """In the newest."""
    places: Places

    @property
    def is_template(self) -> bool:
        """Whether it is no project by itself: what it says is said to others, though it were a default."""
        return not self.document.keys() >= {"title", "stems"}

    def refuse(self, place: Place, message: str) -> NoReturn:
        raise ProjectError(told(self.places.spot(place), message))


def _layer(path: Path, read: Read, name: str) -> _Layer:
    text = text_of(path, read, MAX_PROJECT_BYTES, name)
    value = parse_json(text, name, max_bytes=MAX_PROJECT_BYTES)
    document, kind, version = check_schema(value, text, name, Project)
    return _Layer(path, name, text, kind, version, upgraded(document, kind, version), Places(text, name))


def _layers(path: Path, read: Read, name: str | None) -> list[_Layer]:
    """The file, the one that it extends, and so on."""
    layers = [_layer(path, read, str(path) if name is None else name)]
    while (extends := layers[-1].document.get("extends")) is not None:
        last = layers[-1]
        if not isinstance(extends, str):
            return layers  # which the model has words for
        try:
            base = located(last.path, extends)
        except ValueError as fault:
            last.refuse(("extends",), str(fault))
        chain = " extends ".join([*(layer.path.name for layer in layers), base.name])
        if resolved(base) in [resolved(layer.path) for layer in layers]:
            last.refuse(("extends",), f"goes in a circle: {chain}")
        if len(layers) == MAX_FILES:
            last.refuse(("extends",), f"more than {MAX_FILES} files: {chain}")
        try:
            layers.append(_layer(base, read, str(base)))
        except ProjectError as fault:
            if str(fault).startswith(f"{base}: there is no such file"):
                last.refuse(("extends",), f"{extends!r} does not exist")
            raise
    return layers


@dataclass
class _Joined:
    """What a chain of files says together, and where each part of it was said."""

    layers: list[_Layer]
    value: dict[str, Any] = field(default_factory=dict)
    origins: dict[Place, tuple[int, Place]] = field(default_factory=dict)
    """Places of the whole, down to items of lists and fields of objects: the number of a layer, and the place in it."""

    def spot(self, place: Place, *, of_key: bool = False) -> Spot:
        """Where a value of the whole stands, in whichever file."""
        known = place
        while known and known not in self.origins:
            known = known[:-1]
        number, begin = self.origins.get(known, (0, ()))
        spot = self.layers[number].places.spot((*begin, *place[len(known) :]), of_key=of_key)
        return spot._replace(order=(number, spot.order[1]))


def _joined(layers: list[_Layer]) -> _Joined:
    joined = _Joined(layers)
    for number in reversed(range(len(layers))):
        for key, said in layers[number].document.items():
            if key in _OWN:
                continue
            there = joined.value.get(key)
            if key in KEYS and isinstance(said, list) and isinstance(there, list):
                _join_items(joined, number, key, said)
            elif isinstance(said, dict) and isinstance(there, dict):
                joined.value[key] = there | said
                joined.origins |= {(key, name): (number, (key, name)) for name in said}
            else:
                joined.value[key] = said
                joined.origins = {place: at for place, at in joined.origins.items() if place[0] != key}
                joined.origins[key,] = number, (key,)
                parts: Iterable[str | int] = ()
                if isinstance(said, dict | list):
                    parts = said if isinstance(said, dict) else range(len(said))
                joined.origins |= {(key, part): (number, (key, part)) for part in parts}
    own: dict[str, Any] = {key: layers[0].document[key] for key in ("$schema", "schema") if key in layers[0].document}
    if not isinstance(layers[0].document.get("extends"), str | None):
        own["extends"] = layers[0].document["extends"]
    joined.value = own | joined.value
    return joined


def _join_items(joined: _Joined, number: int, key: str, said: list[Any]) -> None:
    """Items of a nearer file stand for those of the same name, or follow; one that is named twice is kept twice, to be
    told of."""
    there = list(joined.value[key])
    names = {name: index for index, name in _named(there, KEYS[key])}
    taken = dict(_named(said, KEYS[key]))
    for index, item in enumerate(said):
        at = names.pop(taken.get(index, ""), len(there))
        there[at : at + 1] = [item]
        joined.origins[key, at] = number, (key, index)
    joined.value[key] = there
    joined.origins[key,] = number, (key,)


def _named(items: list[Any], key: str) -> Iterator[tuple[int, str]]:
    for index, item in enumerate(items):
        if isinstance(item, dict) and isinstance(item.get(key), str):
            yield index, item[key]
