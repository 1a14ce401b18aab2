"""Tasks on the workers of a dask scheduler that exists already (extra `cluster`).

Paths are absolute, and workers see the same files under them; a task uses one thread, so that a machine takes as many
as its workers have. The scheduler gives the task of a worker that died to another one, as often as its own setting
`allowed-failures` has it. Whatever a task meets comes back as an outcome: the scheduler never sees a failure that it
could try again. A worker that was taken for dead and is not holds the project's lock (`files.claims`); whoever is given
the project then waits, and finds it done. What a worker cannot do for want of files that are seen from here is given
to another one: such a worker is done with each in no time, and would get through all that others have no time for.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import uuid4

from stemmix import __version__
from stemmix.batch import Task, failed, rendered, written_since
from stemmix.destinations import folder_of
from stemmix.errors import ClusterError, StemmixError
from stemmix.files.claims import claimed
from stemmix.files.paths import clip_paths, is_there
from stemmix.files.projects import read_project
from stemmix.machine import keep_freed_memory
from stemmix.model.batch import Outcome
from stemmix.stopping import StoppedError, heed

if TYPE_CHECKING:
    from distributed import Client, Future

log = logging.getLogger("stemmix")

REACHED_S: Final = 5.0
"""For a scheduler to answer, and for a worker to be there, a first one or another one."""
_LOOK_S: Final = 0.5
_GIVE_UP_S: Final = 0.5
_LOSSES: Final = 3
"""As many workers may be lost over what was taken back and given to others; as dask has it of all else."""
_SAME: Final = "workers need the same files under the same paths"


class _Came(NamedTuple):
    """What came of a task."""

    outcome: Outcome
    worker: str
    """Its address; empty where nobody has said so."""
    unseen: tuple[Path, ...] = ()
    """What the project needs, and the worker does not see."""
    unread: bool = False
    """Whether it cannot be read there, as where a named root is not known."""


class Cluster:
    """A `Runner`."""

    def __init__(self, address: str) -> None:
        """The scheduler's, `tcp://host:port`."""
        self._address = address

    def threads(self, tasks: int) -> int:
        """One for a task: a worker has as many tasks at once as it was given threads."""
        return 1

    def outcomes(
        self, tasks: Sequence[Task], begun: Callable[[Task], None], announced: Callable[[str], None]
    ) -> Generator[Outcome]:
        """As of `Runner`. Raises ClusterError where there is no scheduler, or no worker with this stemmix."""
        with _client(self._address) as client:
            _refuse_others(client, self._address)
            yield from _done(client, self._address, tasks, begun, announced)


@contextmanager
def _client(address: str) -> Iterator[Client]:
    try:
        import distributed
    except ImportError:
        raise ClusterError(
            f"{address}: cannot be used: dask.distributed is not installed; pip install 'stemmix[cluster]'"
        ) from None
    # told to whoever looks after the cluster, not to whoever renders
    for name in ("distributed", *(name for name in logging.root.manager.loggerDict if name.startswith("distributed."))):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"distributed\b")
    came: queue.SimpleQueue[Client | Exception] = queue.SimpleQueue()

    def reach() -> None:
        try:
            came.put(distributed.Client(address, timeout=REACHED_S, set_as_default=False, name="stemmix"))
        except Exception as fault:
            came.put(fault)

    # its own time limit is for what refuses: what takes a connection and is silent it waits for without an end
    threading.Thread(target=reach, name="reach", daemon=True).start()
    client: Client | Exception = TimeoutError("something is there, but does not answer")
    with suppress(queue.Empty):
        client = came.get(timeout=REACHED_S + _LOOK_S)
    if isinstance(client, Exception):
        said = str(client).splitlines()[0] if str(client) else type(client).__name__
        raise ClusterError(f"{address}: no scheduler answers within {REACHED_S:g} s: {said}")
    try:
        yield client
    finally:
        with suppress(OSError, TimeoutError):
            client.close(timeout=_GIVE_UP_S)


def _refuse_others(client: Client, address: str) -> None:
    """A ClusterError where there are no workers, or one of them has not this stemmix."""
    try:
        client.wait_for_workers(1, timeout=REACHED_S)
    except TimeoutError:
        raise ClusterError(f"{address}: its scheduler has no workers") from None
    for worker, version in sorted(client.run(_version, on_error="return").items()):
        if version != __version__:
            has = f"has stemmix {version}" if isinstance(version, str) else f"has no usable stemmix ({version})"
            raise ClusterError(f"{address}: its worker {worker} {has}, but this is {__version__}")


def _version() -> str:
    return __version__


def _done(
    client: Client,
    address: str,
    tasks: Sequence[Task],
    begun: Callable[[Task], None],
    announced: Callable[[str], None],
) -> Generator[Outcome]:
    run = _Run(client, address, tasks)
    deserted = _Deserted(client, address)
    looked_s = time.monotonic()
    try:
        run.begin()
        while run.waited:
            said = None
            with suppress(queue.Empty):
                said = run.heard.get(timeout=_LOOK_S)
            if said is None and client.status not in ("running", "connecting"):
                break
            if time.monotonic() - looked_s >= _LOOK_S:
                looked_s = time.monotonic()
                deserted.look()
                yield from run.renewed()
            if isinstance(said, int):
                if (task := run.taken_up(said)) is not None:
                    begun(task)
            elif isinstance(said, str):
                announced(said)
            elif said is not None and (outcome := run.outcome_of(said)) is not None:
                yield outcome
        for task in run.waited.values():
            yield _lost(task, address)
    except BaseException:
        run.give_up()
        raise


class _Run:
    """Tasks that a scheduler has, and what is heard of them."""

    def __init__(self, client: Client, address: str, tasks: Sequence[Task]) -> None:
        self.waited = dict(enumerate(tasks))
        """By number, what has not come to its end."""
        self.heard: queue.SimpleQueue[int | str | Future] = queue.SimpleQueue()
        """Which giving was taken up, what a worker announces, what came."""
        self._client, self._address = client, address
        self._name = f"stemmix-{uuid4().hex}"
        self._futures: dict[int, Future] = {}
        self._given: list[int] = []
        """Which task was given each time: a key that no other has, so that nothing is taken from what was done once."""
        self._newest: dict[int, int] = {}
        self._strangers = _Strangers(client, address)

    def begin(self) -> None:
        """Have all of them done."""
        self._client.subscribe_topic(self._name, lambda event: self.heard.put(event[1]))
        for number in self.waited:
            self._give(number)

    def taken_up(self, giving: int) -> Task | None:
        """The task that was, if it is still waited for."""
        number = self._given[giving]
        if self._newest[number] == giving:
            self._strangers.began(number)
        return self.waited.get(number)

    def renewed(self) -> Iterator[Outcome]:
        """Give to others what waits for workers that are gone, or could go to more of them; gives what is given up."""
        for number, others in self._strangers.look(self._waits).items():
            self._futures.pop(number).release()
            if self._strangers.is_worn(number):
                yield failed(self.waited.pop(number), 137, "every worker that had it was lost")
            else:
                self._give(number, others)

    def _waits(self, number: int) -> bool:
        return number in self.waited and not self._futures[number].done()

    def outcome_of(self, future: Future) -> Outcome | None:
        """What came of a task; None where it was taken back, or is given to others."""
        giving = int(future.key.rpartition("-")[2])
        number = self._given[giving]
        if number not in self.waited or self._newest[number] != giving:
            return None
        task = self.waited[number]
        came = _came_of(future, task, self._address)
        # else it would be done again if the worker that holds its outcome were lost
        self._futures.pop(number).release()
        if others := self._strangers.passed_by(number, came, task):
            self._give(number, others)
            return None
        return _told(came, self.waited.pop(number))

    def give_up(self) -> None:
        """Nobody wants any of it any more."""
        _give_up(self._client, self._name, list(self._futures.values()))

    def _give(self, number: int, workers: Sequence[str] | None = None) -> None:
        giving = self._newest[number] = len(self._given)
        self._given.append(number)
        future = self._client.submit(
            _task_done,
            self.waited[number],
            self._name,
            giving,
            key=f"{self._name}-{giving}",
            pure=False,
            workers=workers,
        )
        self._futures[number] = future
        future.add_done_callback(self.heard.put)


class _Strangers:
    """Workers that have not the files that are seen from here: what they had is given to others."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address
        self._known: set[str] = set()
        self._said: set[str] = set()
        self._had: dict[int, set[str]] = {}
        """By task, the strangers that had it."""
        self._given: dict[int, set[str]] = {}
        """By task that a stranger had, who else may have it."""
        self._begun: set[int] = set()
        """Of these, those that have begun."""
        self._alone_s: dict[int, float] = {}
        """Of these, those that nobody is left for, since when."""
        self._lost: Counter[int] = Counter()
        """How often all that might have a task were lost when it had begun."""

    def passed_by(self, number: int, came: _Came, task: Task) -> list[str]:
        """Who is to do a task that a stranger had: nobody if none had it, or where there is nobody else."""
        self._given.pop(number, None)
        if not _is_apart(came, task):
            return []
        self._known.add(came.worker)
        self._had.setdefault(number, set()).add(came.worker)
        others = self._give(number, self._there())
        if others and came.worker not in self._said:
            self._said.add(came.worker)
            log.warning(
                "%s: its worker %s cannot see the files that this machine sees: its work goes to others",
                self._address,
                came.worker,
            )
        return others

    def began(self, number: int) -> None:
        """A task has begun where it was given to last."""
        self._begun.add(number)

    def is_worn(self, number: int) -> bool:
        """Whether it has taken so many workers with it that no more are to be tried."""
        return self._lost[number] > _LOSSES

    def look(self, waits: Callable[[int], bool]) -> dict[int, list[str] | None]:
        """What is to be given anew, of what `waits`, and to whom: those who may have it are gone, or others have come
        before it had begun. To anybody where for a while there was nobody who has not had it."""
        there = self._there() if self._given else set()
        now_s = time.monotonic()
        anew: dict[int, list[str] | None] = {}
        for number, given in list(self._given.items()) if there else ():
            others = self._others(number, there)
            gone = there.isdisjoint(given)
            more = number not in self._begun and not others <= given
            if not waits(number) or not (gone or more):
                self._alone_s.pop(number, None)
            elif others or now_s - self._alone_s.setdefault(number, now_s) >= REACHED_S:
                self._lost[number] += gone and number in self._begun
                del self._given[number]
                anew[number] = self._give(number, there) or None
        return anew

    def _give(self, number: int, there: set[str]) -> list[str]:
        others = self._others(number, there)
        self._begun.discard(number)
        self._alone_s.pop(number, None)
        if others:
            self._given[number] = others
        return sorted(others)

    def _others(self, number: int, there: set[str]) -> set[str]:
        """Those that lacked nothing yet, or else those that lacked something of another project."""
        return there - self._known or there - self._had[number]

    def _there(self) -> set[str]:
        try:
            return set(self._client.nthreads()) if self._client.status == "running" else set()
        except (OSError, TimeoutError, AttributeError):  # it is about to be lost itself, or is
            return set()


class _Deserted:
    """Says, once each time, that a scheduler has lost all its workers: what waits for another one looks like work."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address
        self._since_s: float | None = None
        self._said = False

    def look(self) -> None:
        """As often as anybody likes."""
        try:
            if self._client.status != "running" or self._client.nthreads():
                self._since_s, self._said = None, False
                return
        except (OSError, TimeoutError, AttributeError):  # it is about to be lost itself, or is
            return
        self._since_s = self._since_s or time.monotonic()
        if not self._said and time.monotonic() - self._since_s > REACHED_S:
            self._said = True
            log.warning("%s: its scheduler has no workers left: waiting for one", self._address)


def _came_of(future: Future, task: Task, address: str) -> _Came:
    from distributed import KilledWorker

    try:
        came = future.result()
    except KilledWorker as fault:
        why = f"every worker that had it was lost, the last one {fault.last_worker.address}"
        return _Came(failed(task, 137, why), "")
    except StoppedError:
        raise
    except Exception as fault:  # of dask's: whatever a task meets is an outcome
        if future.cancelled():
            return _Came(_lost(task, address), "")
        return _Came(failed(task, 7, f"{address}: {type(fault).__name__}: {fault}"), "")
    if not isinstance(came, _Came):
        return _Came(failed(task, 7, f"{address}: a worker that joined later has another version of stemmix"), "")
    return came


def _is_apart(came: _Came, task: Task) -> bool:
    """Whether a worker has not the files that are seen from here, or wrote into a folder that only it sees."""
    if came.outcome.came == "failed":
        if any(map(is_there, came.unseen)):
            return True
        if not came.unread and not came.unseen:
            return False
        needed, unread = _needs(task)
        # what it looks for may have another name there, by its own roots
        elsewhere = not set(came.unseen) <= set(needed) and all(map(is_there, needed))
        return not unread and (came.unread or elsewhere)
    return came.outcome.came != "skipped" and not _is_seen(task, folder_of(task.project, task.out))


def _told(came: _Came, task: Task) -> Outcome:
    """The outcome, with the worker where it is to be looked into."""
    outcome = came.outcome
    if _is_apart(came, task):
        unseen = next(filter(is_there, came.unseen), next(iter(came.unseen), None))
        why = f"what was written to {folder_of(task.project, task.out)} cannot be seen from here"
        if unseen is not None:
            why = f"its worker cannot see {unseen}"
        elif came.unread:
            why = f"its worker cannot read it: {outcome.why}"
        outcome = failed(task, 7, f"{why}: {_SAME}")
    if outcome.came == "failed" and came.worker:
        return outcome.model_copy(update={"why": f"{outcome.why} (on worker {came.worker})"})
    return outcome


def _is_seen(task: Task, folder: Path) -> bool:
    """Whether this machine, too, sees what was written of a task."""
    if not written_since(task):
        # a file server's folder is known as it was a while ago, until this machine makes something in it
        with suppress(StemmixError), claimed(folder, task.project.stem, heed, patience_s=0.0):
            pass
    return written_since(task)


def _lost(task: Task, address: str) -> Outcome:
    return failed(task, 7, f"{address}: the scheduler was lost, or has dropped it; --resume shows what is done")


def _give_up(client: Client, run: str, futures: list[Any]) -> None:
    """Nothing more is begun, and what is being done ends with its next block; in a moment, or not at all."""

    def tell() -> None:
        with suppress(Exception):  # there may be nobody any more
            client.cancel(futures, force=True)
            client.run(_stop, run, on_error="ignore")

    telling = threading.Thread(target=tell, daemon=True)
    telling.start()
    telling.join(_GIVE_UP_S)


# ------------------------------------------------------------------------------------------------------- on the worker

_given_up: set[str] = set()
"""Runs that nobody wants any more."""


def _stop(run: str) -> None:
    _given_up.add(run)


def _heed(run: str) -> None:
    if run in _given_up:
        raise StoppedError(2)


def _task_done(task: Task, run: str, giving: int) -> _Came:
    from distributed import get_worker

    keep_freed_memory()
    worker = get_worker()
    tell = partial(worker.log_event, run)
    tell(giving)
    try:
        if is_there(task.project):
            outcome = rendered(task, partial(_heed, run), tell)
        else:  # before anything is made where the project would have it
            outcome = failed(task, 3, f"{task.project}: there is no such file")
    except StoppedError as stopped:
        outcome = failed(task, stopped.exit_code, "it is no longer wanted")
    if outcome.came != "failed":
        return _Came(outcome, worker.address)
    needed, unread = _needs(task)
    return _Came(outcome, worker.address, tuple(path for path in needed if not is_there(path)), unread)


def _needs(task: Task) -> tuple[list[Path], bool]:
    """What a project is rendered from, as far as that can be told, and whether it cannot."""
    needed = [task.project] if task.gain_from is None else [task.project, task.gain_from]
    if not is_there(task.project):
        return needed, False
    try:
        project = read_project(task.project)
        clips = [(stem, clip) for stem in project.heard for clip in stem.timeline]
        paths = [path for stem, clip in clips for path in clip_paths(task.project, stem, clip).values()]
    except StemmixError:
        return needed, True
    return [*needed, *dict.fromkeys(paths)], False
