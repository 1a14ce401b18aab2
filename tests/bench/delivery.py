#!/usr/bin/env python3
"""The proof of the delivery: what is written, read by public tools and held against what was asked for.

    python tests/bench/delivery.py                          # everything, on the example and the reels of ../shared
    python tests/bench/delivery.py limiter nulls --quick    # two sections, on the example alone
    python tests/bench/delivery.py --reels FOLDER --markdown

Sections: `meters` (conformance signals by ours, pyloudnorm and ffmpeg), `limiter` (driven 9 dB over its ceiling, beside
ffmpeg's), `presets` (every programme to every preset with a target), `nulls` (parts against their masters), `surround`
(5.1 with its fold-down). A reel is a folder of stems whose roles can be told from their names. What is printed ends
with the goals, and so does the program: with 1 where one is missed. Some minutes each; what is not there takes no part,
and is said.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from stemmix.model.layouts import LAYOUTS
from stemmix.model.presets import PRESETS
from tests.bench import conformity, delivering, ffmpeg, overshoot, surround, timing
from tests.bench.delivering import Met, Programme, Residual, programme_of
from tests.bench.quality import EXAMPLE, REELS, reels_in
from tests.bench.surround import Written
from tests.bench.verdict import table

LOUDNESS_GOAL_LU = 0.05
JUDGES = ("stemmix", "ffmpeg")
"""Whose readings are held against the goal; pyloudnorm's are off by nearly as much themselves (`conformity`)."""
NULL_GOAL_DB = 0.0
LIMITER_S = 10.0
"""Length of the signals that are made for the limiter."""


@dataclass(frozen=True)
class Goal:
    """What was reached, and the most it may be."""

    name: str
    value: float | None
    """None where there was nothing to measure."""
    limit: float
    unit: str

    @property
    def is_missed(self) -> bool:
        return self.value is not None and self.value > self.limit + 1e-9

    @property
    def row(self) -> list[str]:
        if self.value is None:
            return [self.name, "-", f"{self.limit:g} {self.unit}", "-"]
        return [
            self.name,
            f"{self.value:.3g} {self.unit}",
            f"{self.limit:g} {self.unit}",
            "NO" if self.is_missed else "yes",
        ]


@dataclass(frozen=True)
class Section:
    """What came of one part of the proof."""

    title: str
    short: str
    """What README shows."""
    long: str
    """Everything; empty where the short form has it all."""
    goals: Sequence[Goal]


@dataclass(frozen=True)
class Material:
    """What the sections work on."""

    sources: Sequence[Path]
    """Projects and folders of stems."""
    folder: Path
    tell: Callable[[str], None]

    def programmes(self, section: str) -> list[Programme]:
        return [programme_of(source, self.folder / section / source.stem) for source in self.sources]


# ---- sections --------------------------------------------------------------------------------------------------------


def meters(material: Material) -> Section:
    material.tell("meters: conformance signals")
    found = conformity.conformity(conformity.CASES, conformity.listeners(), LAYOUTS)
    ours = found[conformity.Ours.name]
    return Section(
        "Conformance signals, cases passed of those that a meter reads anything of",
        conformity.told(found),
        conformity.misses(found),
        [Goal("conformance cases that stemmix does not pass", sum(not one.passed for one in ours), 0, "cases")],
    )


def limiter(material: Material) -> Section:
    those = overshoot.limiters()
    signals = {name: (lambda made=made: made(LIMITER_S)) for name, made in overshoot.SIGNALS.items()}
    for path in (stem for source in material.sources for stem in _music_of(source)):
        signals[f"music, {path.parent.name}"] = lambda path=path: overshoot.music(path)
    results: list[overshoot.Held] = []
    for name, signal in signals.items():
        material.tell(f"limiter: {name}")
        results += overshoot.overshoot(name, signal(), those)
    return Section(
        f"True-peak limiters, driven {overshoot.OVER_DB:g} dB over a ceiling of {overshoot.CEILING_DBTP:g} dBTP",
        overshoot.told_in_short(results),
        overshoot.told(results),
        [Goal("limiter over its ceiling, 16x meter", overshoot.worst_db(results), overshoot.GOAL_DB, "dB")],
    )


def _music_of(source: Path) -> list[Path]:
    """The music stems of a project or a folder."""
    from stemmix.files.projects import read_project
    from stemmix.model.profiles import Role

    with tempfile.TemporaryDirectory(prefix="stemmix-music-") as folder:
        programme = programme_of(source, Path(folder))
        stems = read_project(programme.folder / f"{programme.name}.json").stems
    place = source.parent
    return [place / stem.named for stem in stems if stem.role is Role.MUSIC and stem.file is not None]


def presets(material: Material) -> Section:
    results: list[Met] = []
    for programme in material.programmes("presets"):
        material.tell(f"presets: {programme.name}")
        results += delivering.met(programme, delivering.presets_with_a_target())
    reached = [one for one in results if not one.barred and one.method == "programme"]
    barred = _failing(
        "Not reached without more limiting than the profile allows (exit code 5):",
        {f"{one.programme}, {one.preset}": one.barred for one in results},
    )
    others = _failing(
        "Fails that are no matter of gain (exit code 5):",
        {f"{one.programme}, {one.preset}": "; ".join(one.other_fails) for one in results},
    )
    left_out = sorted(set(PRESETS) - {one.preset for one in results})
    aside = (
        f"{len(PRESETS) - len(left_out)} of {len(PRESETS)} presets; without a target to meet: {', '.join(left_out)}."
    )
    aside += " Worst errors are those of files that are reached."
    return Section(
        "Loudness error on the written files, over every preset with a target",
        "\n\n".join(filter(None, [_presets_in_short(results), aside, barred, others])),
        _presets_in_full(results),
        [
            *(
                _loudness_goal("programme loudness, not barred,", judge, (one.errors.get(judge) for one in reached))
                for judge in JUDGES
            ),
            Goal("true peak over the ceiling of a preset", max(one.over_ceiling_db for one in results), 0.02, "dB"),
        ],
    )


def _loudness_goal(what: str, judge: str, errors: Iterable[float | None]) -> Goal:
    worst_lu = max((abs(error) for error in errors if error is not None), default=None)
    return Goal(f"{what} off its target, read by {judge}", worst_lu, LOUDNESS_GOAL_LU, "LU")


def _presets_in_short(results: Sequence[Met]) -> str:
    readers = list(dict.fromkeys(reader for one in results for reader in one.errors))
    rows = [["programme", "measured by", "presets", "reached", *(f"worst LU, {reader}" for reader in readers)]]
    for programme in dict.fromkeys(one.programme for one in results):
        for method in ("programme", "dialogue", "rms"):
            those = [one for one in results if (one.programme, one.method) == (programme, method)]
            reached = [one for one in those if not one.barred]
            if not those:
                continue
            worst = [[abs(one.errors[reader]) for one in reached if reader in one.errors] for reader in readers]
            cells = [f"{max(errors):.3f}" if errors else "-" for errors in worst]
            rows.append([programme, method, str(len(those)), str(len(reached)), *cells])
    return table(rows)


def _failing(title: str, faults: Mapping[str, str]) -> str:
    """What each programme is told of each preset, where there is anything."""
    lines = [f"- {where}: {fault}" for where, fault in faults.items() if fault]
    return "\n".join([f"{title}\n", *lines]) if lines else ""


def _presets_in_full(results: Sequence[Met]) -> str:
    rows = [["programme, preset", "layout", "method", "target", "limited dB", "peak over ceiling dB", "error, LU"]]
    for one in results:
        errors = ", ".join(f"{reader} {round(error, 3) + 0.0:+.3f}" for reader, error in one.errors.items())
        rows.append(
            [f"{one.programme}, {one.preset}", one.layout, one.method, f"{one.target:g}", f"{one.limited_db:.1f}",
             f"{one.over_ceiling_db:+.2f}", errors + (", barred" if one.barred else "")]
        )  # fmt: skip
    return table(rows)


def nulls(material: Material) -> Section:
    results: list[Residual] = []
    for programme in material.programmes("nulls"):
        material.tell(f"nulls: {programme.name}")
        results += delivering.residuals(programme)
    rows = [["master, parts", "limited dB", "judged", "residual dBFS", "allowed"]]
    for one in results:
        null = one.null
        rows.append(
            [f"{one.programme}, {one.what}", f"{one.limited_db:.1f}", f"{null.judged_share:.1%}",
             f"{null.residual_dbfs:.1f}", f"{null.limit_dbfs:.1f}"]
        )  # fmt: skip
    programmes = list(dict.fromkeys(one.programme for one in results))
    short = [["residual dBFS (share judged)", *programmes, "allowed"]]
    for what in dict.fromkeys(one.what for one in results):
        those = {one.programme: one.null for one in results if one.what == what}
        cells = [f"{those[name].residual_dbfs:.1f} ({those[name].judged_share:.0%})" for name in programmes]
        short.append([what, *cells, f"{min(null.limit_dbfs for null in those.values()):.1f}"])
    over_db = max(one.null.residual_dbfs - one.null.limit_dbfs for one in results)
    return Section(
        "`stemmix nulltest`: a master less its printed parts, away from its limiter's spans",
        table(short),
        table(rows),
        [Goal("null over what dither and rounding leave", over_db, NULL_GOAL_DB, "dB")],
    )


def surrounds(material: Material) -> Section:
    results: list[tuple[str, Written]] = []
    for programme in material.programmes("surround"):
        material.tell(f"surround: {programme.name}")
        place = programme.folder / "placed"
        place.mkdir()
        results += [(programme.name, one) for one in surround.written(surround.surround_of(programme, place))]
    readers = list(dict.fromkeys(reader for _, one in results for reader in one.lufs))
    peak_readers = [reader for reader in readers if any(reader in one.true_peak_dbtp for _, one in results)]
    rows = [["file", "target LUFS", *(f"{reader} LUFS" for reader in readers), "ceiling dBTP",
             *(f"{reader} dBTP" for reader in peak_readers), "gain dB", "limited dB", "fold less 2.0"]]  # fmt: skip
    for name, one in results:
        file = one.file
        rows.append([
            f"{name}, {file.deliverable}", f"{one.target_lufs:g}", *_shown(one.lufs, readers), f"{one.ceiling_dbtp:g}",
            *_shown(one.true_peak_dbtp, peak_readers), f"{file.gain_db:+.2f}",
            f"{file.limiting.max_reduction_db:.1f}" if file.limiting else "-",
            "-" if one.folded_dbfs is None else f"{one.folded_dbfs:.1f}",
        ])  # fmt: skip
    off = {
        judge: [one.lufs[judge] - one.target_lufs if judge in one.lufs else None for _, one in results]
        for judge in JUDGES
    }
    over = [one.true_peak_dbtp["stemmix"] - one.ceiling_dbtp for _, one in results]
    folds = [one.folded_dbfs for _, one in results if one.folded_dbfs is not None]
    return Section(
        "5.1 with its Lo/Ro fold-down, each with a gain and a limiter of its own",
        table(rows),
        "",
        [
            *(_loudness_goal("5.1 and fold-down", judge, errors) for judge, errors in off.items()),
            Goal("5.1 and fold-down over their ceiling", max(over), 0.02, "dB"),
            Goal("Lo/Ro of the 5.1 file less the 2.0 file", max(folds), -130.0, "dBFS"),
        ],
    )


def _shown(values: Mapping[str, float], names: Sequence[str]) -> list[str]:
    return [f"{values[name]:.2f}" if name in values else "-" for name in names]


SECTIONS: dict[str, Callable[[Material], Section]] = {
    "meters": meters,
    "limiter": limiter,
    "presets": presets,
    "nulls": nulls,
    "surround": surrounds,
}


# ---- the program -----------------------------------------------------------------------------------------------------


def sources_of(reels: Path | None, quick: bool) -> list[Path]:
    """The example, and the reels that are given or lie beside the repository."""
    if quick:
        return [EXAMPLE]
    place = REELS if reels is None else reels
    if not place.is_dir():
        print(f"{place}: is not there; only the example takes part", file=sys.stderr)
        return [EXAMPLE]
    return [EXAMPLE, *reels_in(place)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--reels", type=timing.folder, metavar="FOLDER", help="a folder of stems, or of such folders")
    parser.add_argument("--quick", action="store_true", help="the example alone")
    parser.add_argument("--markdown", action="store_true", help="only the tables that README shows")
    given = parser.parse_args()
    if unknown := [name for name in given.sections if name not in SECTIONS]:
        parser.error(f"{', '.join(unknown)}: expected {', '.join(SECTIONS)}")
    if not ffmpeg.is_there():
        print("ffmpeg is not installed: it takes no part", file=sys.stderr)

    def tell(words: str) -> None:
        print(words, file=sys.stderr, flush=True)

    goals: list[Goal] = []
    with tempfile.TemporaryDirectory(prefix="stemmix-delivery-") as folder:
        material = Material(sources_of(given.reels, given.quick), Path(folder), tell)
        for name in given.sections or SECTIONS:
            section = SECTIONS[name](material)
            goals += section.goals
            texts = [section.short] if given.markdown else [section.short, section.long]
            print("\n\n".join([f"**{section.title}**", *filter(None, texts)]), end="\n\n", flush=True)
    print(table([["goal", "reached", "at most", "met"], *(goal.row for goal in goals)]))
    sys.exit(any(goal.is_missed for goal in goals))


if __name__ == "__main__":
    main()
