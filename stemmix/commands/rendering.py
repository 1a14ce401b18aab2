"""`render`, by what it is given: one programme, or many projects each by itself."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from stemmix.commands.common import Voice, width

if TYPE_CHECKING:
    from stemmix.batch import Runner
    from stemmix.model.batch import Outcome


def render_as_one(
    voice: Voice,
    paths: Sequence[Path],
    out: Path | None,
    plan: Path | None,
    *,
    gain_from: Path | None,
    stale_ok: bool,
    use_cache: bool,
    json: bool,
    together: bool,
) -> None:
    """One project, or the reels of one programme (`together`), in this process."""
    from stemmix.destinations import folder_of
    from stemmix.pipeline import render as rendered
    from stemmix.report.written import receipt_text, receipts_json

    with voice.shown() as told:
        receipts = rendered(
            paths, out, plan, gain_from=gain_from, stale_ok=stale_ok, progress=told, use_cache=use_cache
        )
    if json:
        voice.data(receipts_json(receipts, together=together))
    else:
        for path, receipt in zip(paths, receipts, strict=True):
            voice.data(receipt_text(receipt, folder_of(path, out), width()))
    if not all(receipt.passed for receipt in receipts):
        raise typer.Exit(5)


def runner_for(jobs: str | None, cluster: str | None) -> Runner:
    """What has many projects rendered, as the options ask; a wrong one is wrong usage."""
    if cluster is not None:
        if jobs is not None:
            raise typer.BadParameter("a cluster renders as many at once as it has workers", param_hint="--jobs")
        if re.fullmatch(r"(tcp|tls|ws|wss)://\S+:\d{1,5}", cluster) is None:
            raise typer.BadParameter(
                f"{cluster!r} is not a scheduler's address, such as tcp://host:port", param_hint="--cluster"
            )
        from stemmix.cluster import Cluster

        return Cluster(cluster)
    if jobs is not None and jobs != "auto" and not (jobs.isdecimal() and len(jobs) < 5):
        raise typer.BadParameter(f"{jobs!r} is neither a number of jobs nor auto", param_hint="--jobs")
    with warnings.catch_warnings(action="ignore"):  # where no process can begin, every project says so
        from stemmix.local import LocalJobs

    return LocalJobs(0 if jobs in (None, "auto") else int(jobs or 0))


def render_each(
    voice: Voice,
    paths: Sequence[Path],
    runner: Runner,
    out: Path | None,
    *,
    gain_from: Path | None,
    resume: bool,
    use_cache: bool,
    json: bool,
) -> None:
    """Every project by itself: a line on stderr as each begins and ends, a table of all on stdout in the end."""
    from stemmix.batch import render_many
    from stemmix.report.batch import batch_json, batch_text

    with _told(voice, len(paths)) as (begun, ended):
        batch = render_many(
            paths,
            out,
            runner,
            gain_from=gain_from,
            resume=resume,
            use_cache=use_cache,
            begun=begun,
            ended=ended,
            announced=voice.say,
        )
    voice.data(batch_json(batch) if json else batch_text(batch, width()))
    if batch.exit_code:
        raise typer.Exit(batch.exit_code)


@contextmanager
def _told(voice: Voice, projects: int) -> Iterator[tuple[Callable[[str], None], Callable[[Outcome], None]]]:
    """What hears that a project begins, and what came of it: says so, and shows how many are through."""
    from stemmix.model.progress import Step
    from stemmix.report.batch import begun_line, ended_line

    done = 0

    def begun(project: str) -> None:
        voice.say(begun_line(project))

    def ended(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        for note in outcome.notes:
            voice.say(f"{outcome.project}: {note}")
        voice.say(ended_line(outcome, done, projects))
        told(Step("render", done / projects, reel=min(done + 1, projects), reels=projects))

    with voice.shown() as told:
        told(Step("render", 0.0, reels=projects))
        yield begun, ended
