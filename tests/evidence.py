"""What reports are made of, made up: four stems, three lines, and a move of most kinds."""

from __future__ import annotations

from typing import Any

from stemmix.bands import BAND_COUNT
from stemmix.model.evidence import Evidence, HeardFacts
from stemmix.model.features import FileFacts, Onset, Span
from stemmix.model.moves import Action, Duck, Level, Presence, Ride, Scene, StaticEq, Unmask
from stemmix.model.plan import Conflict, Edge, Line, Move, Outcome, Plan, PlannedScene, PlannedShape, PlannedStem
from stemmix.model.profiles import Role
from stemmix.model.receipt import Measured

RATE_HZ = 48_000

LOUD = Measured(
    integrated_lufs=-23.456,
    short_term_max_lufs=-18.0,
    momentary_max_lufs=-15.0,
    lra_lu=7.25,
    true_peak_dbtp=-3.21,
    sample_peak_dbfs=-3.5,
)
SILENT = Measured(
    integrated_lufs=None,
    short_term_max_lufs=None,
    momentary_max_lufs=None,
    lra_lu=None,
    true_peak_dbtp=None,
    sample_peak_dbfs=None,
    reasons={"integrated_lufs": "nothing above -70 LUFS"},
)


def facts(measured: Measured = LOUD, **fields: Any) -> FileFacts:
    given: dict[str, Any] = {
        "sha256": "ab",
        "sample_rate": RATE_HZ,
        "frames": 90 * RATE_HZ,
        "lead_samples": 0,
        "source_rate": 44_100,
        "source_layout": "5.1",
        "measured": measured,
        "dc": 0.0,
        "clipped_runs": 0,
        "noise_floor_db": -70.5,
        "classic_rms_db": (-30.0,) * 7,
        "centroid_hz": 1234.5,
        "flatness": 0.1,
        "rolloff_hz": 3456.5,
        "onsets": (Onset(at=48_000, strength_db=9.0), Onset(at=96_000, strength_db=3.0)),
        "active": (),
        "spoken": (),
        "warnings": (),
    }
    return FileFacts(**(given | fields))


def heard(name: str, role: Role, **fields: Any) -> HeardFacts:
    given: dict[str, Any] = {
        "id": name,
        "role": role,
        "file": f"reel/{name}.wav",
        "priority": 40,
        "gain_db": -2.0,
        "at": 0,
        "facts": facts(),
        "warnings": (),
    }
    return HeardFacts(**(given | fields))


def conflict(number: int, masker: str, before: float, after: float, **fields: Any) -> Conflict:
    given: dict[str, Any] = {"target": "DX", "line": "DX-0061.0", "importance": 0.625, "snr_db": -8.25}
    return Conflict(
        id=f"C{number:04d}",
        masker=masker,
        low_hz=478.2,
        high_hz=5071.4,
        start=round(61.5 * RATE_HZ),
        end=round(63.5 * RATE_HZ),
        size_before=before,
        size_after=after,
        **(given | fields),
    )


def line(number: int, before: float, after: float) -> Line:
    return Line(
        id=f"DX-006{number}.0",
        target="DX",
        start=60 * RATE_HZ,
        end=63 * RATE_HZ,
        clarity_before=before,
        clarity_after=after,
        snr_before_db=-3.0,
        snr_after_db=2.0,
        stopped_by="goal",
    )


DIP = tuple(-8.0 if 15 <= band <= 20 else -1.0 for band in range(BAND_COUNT))
ACTIONS: dict[str, Action] = {
    "cut": Unmask(kind="unmask", mid_db=DIP, side_db=tuple(gain / 2 for gain in DIP)),
    "duck": Duck(kind="duck", gain_db=-3.25),
    "ride": Ride(kind="ride", gain_db=1.5),
    "presence": Presence(kind="presence", gain_db=tuple(0.5 if band > 18 else -0.25 for band in range(BAND_COUNT))),
    "fader": Level(kind="level", gain_db=-4.5),
    "equaliser": StaticEq(kind="static", gain_db=(0.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0)),
    "scene": Scene(kind="scene", mid_db=DIP, side_db=DIP),
}


def move(stem: str, kind: str, because: tuple[str, ...]) -> Move:
    return Move(
        id=f"DX-0061.0-{stem}-{kind}",
        stem=stem,
        line="DX-0061.0",
        start=60 * RATE_HZ,
        end=63 * RATE_HZ,
        action=ACTIONS[kind],
        because=because,
    )


OUTCOME = Outcome(
    lines=3,
    lines_unclear_before=2,
    lines_unclear_after=1,
    clarity_before=0.4,
    clarity_after=0.6,
    bed_loss_db=3.26,
    bed_sones_lost=0.152,
    damage_db=1.5,
    outside_db=0.01,
)


ROLES = {"DX": Role.DIALOGUE, "MX": Role.MUSIC, "AMB": Role.AMBIENCE, "FX": Role.FX}


def plan(**fields: Any) -> Plan:
    given: dict[str, Any] = {
        "schema_": "stemmix.plan/1",
        "title": "Harbour, [bold]reel 3[/] :smile:",
        "profile": "film",
        "sample_rate": RATE_HZ,
        "frames": 90 * RATE_HZ,
        "clarity_goal": 0.5,
        "stems": tuple(
            PlannedStem(id=name, sha256="ab", frames=90 * RATE_HZ, at=0, role=role) for name, role in ROLES.items()
        ),
        "shape": PlannedShape(look_ahead_s=0.06, hold_s=0.1, ramp_s=0.4),
        "moves": (
            move("MX", "cut", ("C0001", "C0003")),
            move("AMB", "duck", ()),
            move("DX", "ride", ("C0001",)),
            move("DX", "presence", ("C0001",)),
        ),
        "lines": (line(1, 0.31, 0.524), line(2, 0.61, 0.61), line(3, 0.2, 0.41)),
        "scenes": (PlannedScene(id="S-0000", start=0, end=90 * RATE_HZ),),
        "conflicts": (
            conflict(1, "MX", 1.5, 0.5),
            conflict(2, "AMB", 0.25, 0.2),
            conflict(3, "MX", 2.5, 0.25),
            conflict(4, "MX", 9.0, 8.0, target="AMB", line=None, importance=0.3),
        ),
        "edges": (
            Edge(target="DX", masker="AMB", size_before=0.25, size_after=0.2),
            Edge(target="DX", masker="MX", size_before=4.0, size_after=0.75),
            Edge(target="AMB", masker="DX", size_before=0.0, size_after=0.0),
        ),
        "outcome": OUTCOME,
        "notes": ("FX is silent: it takes no part in any decision",),
    }
    given |= fields
    # a plan names no line that it has not
    known = {None, *(one.id for one in given["lines"])}
    given |= {name: tuple(one for one in given[name] if one.line in known) for name in ("moves", "conflicts")}
    return Plan(**given)


def evidence(**fields: Any) -> Evidence:
    speech = (Span(start=0, end=9 * RATE_HZ),)
    warning = "reel/MX.wav: has a DC offset of +0.0100 of full scale"
    return Evidence(
        plan=plan(**fields),
        stems=(
            heard("DX", Role.DIALOGUE, facts=facts(active=speech, spoken=speech), priority=100),
            heard("MX", Role.MUSIC, warnings=(warning,), at=90_000),
            heard("AMB", Role.AMBIENCE),
            heard("FX", Role.FX, facts=facts(SILENT)),
        ),
    )
