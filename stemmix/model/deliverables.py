"""What is to be delivered: printmasters, and everything that is printed at a printmaster's gain.

A printmaster is all stems, folded to its layout, brought to its specification. Everything else is a sum of some of the
stems as they stand in a printmaster, its parent, at the parent's gain: no processing but that of the stems themselves,
so that parts add up to their parent before its limiter.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from stemmix.model.document import Document, Identifier
from stemmix.model.encodings import Encoding
from stemmix.model.layouts import LayoutName, Order
from stemmix.model.plan import Plan
from stemmix.model.presets import Overrides, PresetName
from stemmix.model.profiles import Role

Group = Literal["D", "M", "E"]

GROUPS: dict[Role, Group] = {
    Role.DIALOGUE: "D",
    Role.NARRATION: "D",
    Role.LEAD: "M",
    Role.MUSIC: "M",
    Role.FX: "E",
    Role.FOLEY: "E",
    Role.WALLA: "E",
    Role.AMBIENCE: "E",
}
"""The printed group that a stem of each role belongs to: dialogue, music, effects."""


class Written(Document):
    """What every deliverable has."""

    name: Identifier
    """Unique in the project; part of the file's name."""
    kind: str
    """What it is."""
    format: Encoding = "wav24"
    """Of the file; a lossy one is decoded and measured."""
    order: Order = "wave"
    """Of the channels in the file: L R C LFE Ls Rs, or L C R Ls Rs LFE."""
    split: bool = False
    """One mono file for each channel instead of one file for all."""
    file_name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Template of the name without its ending; left out, `{project}_{deliverable}`, and `_{stem}` for printed stems."""
    note: str | None = None
    """For people."""


class Mastered(Overrides, Written):
    """A deliverable with a specification of its own; what is left out comes from the preset, then from the profile."""

    preset: PresetName | None = None
    """Specification by name (`stemmix presets`)."""
    max_limiting_db: Annotated[float, Field(ge=0, le=24)] | None = None
    """Most that the limiter may take, in dB, before the deliverable fails; left out, the profile's."""
    layout: LayoutName = "2.0"
    """Of the file: `2.0`, `5.1` ..."""


class Printmaster(Mastered):
    """The finished mix. One of a narrower layout than another is its fold-down, with its own gain and limiter."""

    kind: Literal["printmaster"] = "printmaster"
    """What is written."""


class FoldDown(Mastered):
    """A printmaster folded to another layout, measured and limited again; its specification is the parent's unless
    another is given."""

    kind: Literal["fold_down"]
    """What is written."""
    parent: Identifier | None = None
    """The printmaster it is folded from; left out, the first one."""


class _OfParent(Written):
    parent: Identifier | None = None
    """The printmaster (or fold-down) whose layout and gain they carry; left out, the first one."""


class PrintedStems(_OfParent):
    """The stems as they stand in the mix: their sum is the parent before its limiter."""

    kind: Literal["stems"]
    """What is written."""
    by: Literal["stem", "group"] = "stem"
    """A file for each stem, or one each for dialogue (D), music (M) and effects (E)."""


class MusicAndEffects(_OfParent):
    """The printed stems without dialogue, music level untouched: a dub is mixed into it. Undipped, every move that
    dialogue caused is dropped."""

    kind: Literal["m_and_e", "m_and_e_undipped"]
    """What is written."""


class MixMinus(_OfParent):
    """The mix without some of its stems."""

    kind: Literal["mix_minus"]
    """What is written."""
    without: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    """Ids of the stems that are left out."""


def _kind_of(value: Any) -> str:
    kind = value.get("kind", "printmaster") if isinstance(value, dict) else getattr(value, "kind", None)
    if kind == "m_and_e_undipped":
        return "m_and_e"
    return kind if isinstance(kind, str) else "?"


PartDeliverable = PrintedStems | MusicAndEffects | MixMinus
"""What is a sum of stems at a master's gain."""

Deliverable = Annotated[
    Annotated[Printmaster, Tag("printmaster")]
    | Annotated[FoldDown, Tag("fold_down")]
    | Annotated[PrintedStems, Tag("stems")]
    | Annotated[MusicAndEffects, Tag("m_and_e")]
    | Annotated[MixMinus, Tag("mix_minus")],
    Discriminator(_kind_of),
]


def speech_of(plan: Plan) -> tuple[tuple[int, int], ...]:
    """Where dialogue speaks, in samples of the programme: the plan's lines of dialogue stems, in order, none touching
    another."""
    dialogue = _dialogue_of(plan)
    spans: list[tuple[int, int]] = []
    for start, end in sorted((line.start, line.end) for line in plan.lines if line.target in dialogue):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return tuple(spans)


def made_for_dialogue(plan: Plan) -> frozenset[str]:
    """Ids of the moves that dialogue caused; what a person pinned stays a person's."""
    dialogue = _dialogue_of(plan)
    lines = {line.id for line in plan.lines if line.target in dialogue}
    causes = {conflict.id for conflict in plan.conflicts if conflict.target in dialogue}
    return frozenset(
        move.id
        for move in plan.moves
        if not move.of_pin and (move.line in lines or not causes.isdisjoint(move.because))
    )


def _dialogue_of(plan: Plan) -> set[str]:
    return {stem.id for stem in plan.stems if GROUPS[stem.role] == "D"}
