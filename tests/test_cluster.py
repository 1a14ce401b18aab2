"""On a real scheduler with workers of its own: whatever befalls a worker, every reel comes, and comes once."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stemmix
from stemmix import cluster
from stemmix.batch import Task, failed
from stemmix.cli import main
from stemmix.model.batch import Batch
from tests.children import hand_on_kernels
from tests.material import RATE_HZ, bytes_in, chords, rendered, scene, scene_stems, voice, write_audio, write_project

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")

PROGRAM = [sys.executable, "-c", "import sys; from stemmix.cli import main; sys.exit(main())"]
PATIENCE_S = 240.0
OTHER = """
import sys
import stemmix
stemmix.__version__ = "0.0.9"
from distributed.cli.dask_worker import main
main(sys.argv[1:])
"""


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(stemmix.__file__).parents[1]), "DASK_LOGGING__DISTRIBUTED": "critical"}


BLIND = """
import sys
from stemmix import cluster
cluster.is_there = lambda path: path.name != "a.json"
from distributed.cli.dask_worker import main
main(sys.argv[1:])
"""

STRANGER = """
import sys
from stemmix import cluster
cluster.is_there = lambda path: path.suffix != ".json"
from distributed.cli.dask_worker import main
main(sys.argv[1:])
"""

SHORT_SIGHTED = """
import sys
from stemmix import batch, cluster
from stemmix.errors import StemError
def render(projects, *others, **options):
    raise StemError(f"{projects[0].parent}/reel/dx.wav: does not exist")
batch.render = render
cluster.is_there = lambda path: path.name != "dx.wav"
from distributed.cli.dask_worker import main
main(sys.argv[1:])
"""

ELSEWHERE = """
import sys
from pathlib import Path
from dataclasses import replace
from stemmix import batch, cluster
done = cluster.rendered
def rendered(task, *others):
    outcome = done(replace(task, out=task.out / "its" / "own"), *others)
    return outcome.model_copy(update={"receipt": str(task.out / Path(outcome.receipt).name)})
cluster.rendered = rendered
from distributed.cli.dask_worker import main
main(sys.argv[1:])
"""


@contextmanager
def process(*arguments: str | Path, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """Killed in the end, if it runs then."""
    running = subprocess.Popen([*map(str, arguments)], env=environment(), text=True, **options)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


QUIET = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


class House:
    """A scheduler and its workers, all processes of their own."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._file, self._folder, self._stack = folder / "scheduler.json", folder, stack
        command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0"]
        self.scheduler = stack.enter_context(
            process(*command, "--no-dashboard", "--scheduler-file", self._file, **QUIET)
        )
        until(lambda: self._file.exists() and self._file.read_text().endswith("}"))
        self.address = str(json.loads(self._file.read_text())["address"])

    def worker(self, *program: str) -> int:
        """Begin one; gives its process's id."""
        command = program or (sys.executable, "-m", "distributed.cli.dask_worker")
        options = ["--no-nanny", "--nthreads", "1", "--no-dashboard", "--local-directory", str(self._folder)]
        return self._stack.enter_context(process(*command, self.address, *options, **QUIET)).pid


@pytest.fixture
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    hand_on_kernels()
    with ExitStack() as stack:
        yield House(tmp_path_factory.mktemp("house"), stack)


@pytest.fixture
def reels(tmp_path: Path) -> list[Path]:
    """Five of half a minute, of the same stems."""
    return reels_of(tmp_path, 30)


def reels_of(folder: Path, seconds: int) -> list[Path]:
    """Five of a length, of the same stems."""
    piece = 4 * RATE_HZ
    for name, sound in (("dx", voice(piece, ((0.5, 3.0),))), ("mx", chords(piece))):
        write_audio(folder / "reel" / f"{name}.wav", np.tile(sound, (-(-seconds // 4), 1)))
    return [write_project(folder / f"{name}.json", scene_stems("reel")[:2]) for name in "abcde"]


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def rendering(house: House, *arguments: str | Path) -> Any:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return process(*PROGRAM, "render", *arguments, "--cluster", house.address, "--json", "--no-cache", **pipes)


def writing(folder: Path) -> set[int]:
    """Ids of the processes that have begun to write sound."""
    return {int(part.name.split(".")[-2]) for part in folder.glob("out/.*.wav.*.part") if part.stat().st_size > 100_000}


def test_all_reels_come_though_a_worker_is_killed_midway(house: House, reels: list[Path]) -> None:
    folder = reels[0].parent
    workers = {house.worker(), house.worker()}
    with rendering(house, *reels) as client:
        until(lambda: bool(writing(folder)))
        victim = min(writing(folder))
        assert victim in workers
        os.kill(victim, signal.SIGKILL)
        said, err = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 0, err
    batch = Batch.model_validate_json(said)
    assert [one.came for one in batch.projects] == ["done"] * 5
    for reel in reels:
        assert err.count(f"{reel}: done") == 1
    started = [err.count(f"{reel}: started") for reel in reels]
    assert sorted(started) == [1, 1, 1, 1, 2], "only what the killed one had in hand was begun again"
    rendered(reels[0], folder / "alone")
    out = bytes_in(folder / "out")
    assert len(out) == 5 * len(bytes_in(folder / "alone")), "whole files of every reel, and nothing else"
    for name, content in bytes_in(folder / "alone").items():
        for reel in "abcde":
            if name.endswith(".wav"):
                assert out[f"{reel}{name[1:]}"] == content
        assert out[name] == content


def test_a_worker_that_was_taken_for_dead_and_is_not_is_waited_for(house: House, reels: list[Path]) -> None:
    """It sleeps, holding its reel, while the scheduler thinks that it is lost; then it wakes up."""
    from distributed import Client

    async def lose_it(dask_scheduler: Any) -> None:
        await dask_scheduler.remove_worker(next(iter(dask_scheduler.workers)), stimulus_id="a test", close=False)

    folder = reels[0].parent
    first = house.worker()
    with rendering(house, reels[0]) as client, Client(house.address, set_as_default=False) as watch:
        until(lambda: writing(folder) == {first})
        os.kill(first, signal.SIGSTOP)
        watch.run_on_scheduler(lose_it)
        second = house.worker()
        assert [client.stderr.readline() for _ in range(2)] == [f"{reels[0]}: started\n"] * 2
        time.sleep(1.0)
        assert parts_of(folder, second) == [], "it waits"
        assert parts_of(folder, first) != []
        os.kill(first, signal.SIGCONT)
        said, err = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 0, err
    (one,) = Batch.model_validate_json(said).projects
    assert one.came == "done"
    assert (one.wall_s or 0.0) >= 1.0
    until(lambda: not list((folder / "out").glob(".*")))
    rendered(reels[0], folder / "alone")
    assert bytes_in(folder / "out") == bytes_in(folder / "alone")


def test_that_no_worker_is_left_is_said_and_another_one_waited_for(house: House, reels: list[Path]) -> None:
    folder = reels[0].parent
    first = house.worker()
    with rendering(house, *reels[:2]) as client:
        until(lambda: writing(folder) == {first})
        os.kill(first, signal.SIGKILL)
        lines = []
        while not lines or lines[-1].endswith(": started\n"):
            lines.append(client.stderr.readline())
        assert lines[-1] == f"{house.address}: its scheduler has no workers left: waiting for one\n"
        assert client.poll() is None
        house.worker()
        said, err = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 0, err
    assert "no workers" not in err, "it is said once"
    assert [one.came for one in Batch.model_validate_json(said).projects] == ["done", "done"]


def parts_of(folder: Path, process: int) -> list[Path]:
    return list(folder.glob(f"out/.*.{process}.part"))


def test_bad_reels_are_not_tried_again_and_stop_nobody(house: House, reels: list[Path]) -> None:
    house.worker()
    (reels[1].parent / "none.json").write_text("{")
    write_project(reels[1], [{"id": "DX", "role": "dialogue", "file": "reel/none.wav"}])
    with rendering(house, reels[0], reels[1], reels[1].parent / "none.json") as client:
        said, err = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 4
    assert [one.came for one in Batch.model_validate_json(said).projects] == ["done", "failed", "failed"]
    assert err.count(f"{reels[1]}: started") == 1


def test_that_a_worker_compiles_kernels_is_said_while_it_does(
    house: House, reels: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fresh").mkdir()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "fresh"))
    house.worker()
    with rendering(house, reels[0]) as client:
        assert client.stderr.readline() == f"{reels[0]}: started\n"
        assert client.stderr.readline() == "compiling kernels for this machine, once: about 20 s\n"
        assert client.poll() is None


def test_ctrl_c_ends_it_and_the_workers_let_go(house: House, tmp_path: Path) -> None:
    """Of reels that take seconds to write: those that are begun are not done before the workers hear of it."""
    folder, reels = tmp_path, reels_of(tmp_path, 480)
    workers = [house.worker(), house.worker()]
    with rendering(house, *reels) as client:
        until(lambda: len(writing(folder)) == 2)
        began_s = time.monotonic()
        client.send_signal(signal.SIGINT)
        said, _ = client.communicate(timeout=PATIENCE_S)
        assert time.monotonic() - began_s < 10.0
    assert client.returncode == 130
    assert said == ""
    until(lambda: not (folder / "out").exists())
    time.sleep(0.5)
    assert not (folder / "out").exists(), "nothing more was begun"
    assert all(Path(f"/proc/{worker}").exists() for worker in workers)


def test_a_worker_with_another_stemmix_is_refused(house: House, reels: list[Path]) -> None:
    house.worker(sys.executable, "-c", OTHER)
    with rendering(house, reels[0]) as client:
        said, err = client.communicate(timeout=PATIENCE_S)
    assert (client.returncode, said) == (7, "")
    assert "has stemmix 0.0.9, but this is" in err
    assert not (reels[0].parent / "out").exists()


def test_a_worker_that_does_not_see_a_project_is_named(house: House, reels: list[Path]) -> None:
    house.worker(sys.executable, "-c", BLIND)
    (reels[1].parent / "reel" / "mx.wav").unlink()
    with rendering(house, *reels[:2]) as client:
        said, err = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 7, err
    unseen, unsound = Batch.model_validate_json(said).projects
    assert re.fullmatch(
        rf"its worker cannot see {reels[0]}: workers need the same files under the same paths \(on worker tcp://\S+\)",
        str(unseen.why),
    )
    assert unsound.exit_code == 4
    assert re.fullmatch(r".*/reel/mx\.wav: does not exist \(on worker tcp://\S+\)", str(unsound.why))
    assert not (reels[0].parent / "out").exists()


@pytest.mark.parametrize("kind", ["STRANGER", "SHORT_SIGHTED", "ELSEWHERE"])
def test_what_a_worker_has_not_the_files_for_is_done_by_another_one(
    house: House, reels: list[Path], tmp_path: Path, kind: str
) -> None:
    """Though it has nothing to do, and would take them all."""
    house.worker(sys.executable, "-c", globals()[kind])
    house.worker()
    with distributed.Client(house.address, set_as_default=False) as both:
        both.wait_for_workers(2, timeout=PATIENCE_S)
    with rendering(house, *reels[:3], "--out", tmp_path / "out") as client:
        said, err = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 0, err
    assert [one.came for one in Batch.model_validate_json(said).projects] == ["done"] * 3
    assert err.count("cannot see the files that this machine sees: its work goes to others\n") == 1
    assert {path.name for path in (tmp_path / "out").glob("*.receipt.json")} == {
        f"{name}.receipt.json" for name in "abc"
    }


def test_what_was_given_to_another_one_that_died_is_not_waited_for(house: House, tmp_path: Path) -> None:
    """It would be the only one that may have it."""
    reels = reels_of(tmp_path, 240)[:2]
    stranger, other = house.worker(sys.executable, "-c", SHORT_SIGHTED), house.worker()
    with distributed.Client(house.address, set_as_default=False) as client:
        client.wait_for_workers(2, timeout=PATIENCE_S)
        with rendering(house, *reels) as rendered_by:
            until(lambda: other in writing(tmp_path))
            for worker in (stranger, other):
                os.kill(worker, signal.SIGKILL)
            house.worker()
            said, err = rendered_by.communicate(timeout=PATIENCE_S)
    assert rendered_by.returncode == 0, err
    assert [one.came for one in Batch.model_validate_json(said).projects] == ["done"] * 2


def waits(number: int) -> bool:
    """It has not been done."""
    return True


class There:
    """A client that knows who is there."""

    status = "running"

    def __init__(self, *workers: str) -> None:
        self.workers = workers

    def nthreads(self) -> dict[str, int]:
        return dict.fromkeys(self.workers, 1)


def a_task(path: Path) -> Task:
    return Task(str(path), path, None, None, resume=False, use_cache=False, threads=1, before=None)


@pytest.fixture
def lacking(tmp_path: Path) -> tuple[Task, Callable[[str], cluster._Came]]:
    """A task, and what a worker says that lacks something of it which is there."""
    path = tmp_path / "a.json"
    path.touch()
    task = a_task(path)
    return task, lambda worker: cluster._Came(failed(task, 3, "lacks it"), worker, (path,))


Lacking = tuple[Task, Callable[[str], cluster._Came]]


def test_who_lacks_something_of_one_project_may_have_another(lacking: Lacking) -> None:
    """Where nobody is left that lacked nothing: each is asked once."""
    task, lacked_by = lacking
    strangers = cluster._Strangers(There("x", "y"), "tcp://s")
    assert strangers.passed_by(0, lacked_by("x"), task) == ["y"]
    assert strangers.passed_by(1, lacked_by("y"), task) == ["x"]
    assert strangers.passed_by(0, lacked_by("y"), task) == []
    assert strangers.passed_by(1, lacked_by("x"), task) == []
    assert strangers.look(waits) == {}


def test_who_comes_later_gets_what_has_not_begun(lacking: Lacking) -> None:
    task, lacked_by = lacking
    there = There("x", "y")
    strangers = cluster._Strangers(there, "tcp://s")
    for number in range(3):
        assert strangers.passed_by(number, lacked_by("x"), task) == ["y"]
    strangers.began(0)
    assert strangers.look(waits) == {}
    there.workers = ("x", "y", "z")
    assert strangers.look(waits) == {1: ["y", "z"], 2: ["y", "z"]}
    assert strangers.look(waits) == {}, "once"
    there.workers = ("x", "z")
    assert strangers.look(waits) == {0: ["z"]}, "those who had it are gone"
    assert strangers.look(waits) == {}


def test_another_one_is_waited_for_before_those_are_asked_who_had_it(
    lacking: Lacking, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A nanny brings a worker back within seconds."""
    task, lacked_by = lacking
    there = There("x", "y")
    strangers = cluster._Strangers(there, "tcp://s")
    assert strangers.passed_by(0, lacked_by("x"), task) == ["y"]
    there.workers = ("x",)
    assert strangers.look(waits) == {}
    there.workers = ("x", "back")
    assert strangers.look(waits) == {0: ["back"]}
    there.workers = ("x",)
    monkeypatch.setattr(cluster, "REACHED_S", 0.0)
    assert strangers.look(waits) == {0: None}
    assert strangers.look(waits) == {}
    assert strangers.passed_by(0, lacked_by("x"), task) == []


def test_what_takes_its_workers_with_it_is_given_up(lacking: Lacking) -> None:
    task, lacked_by = lacking
    there = There("x", "0")
    strangers = cluster._Strangers(there, "tcp://s")
    assert strangers.passed_by(0, lacked_by("x"), task) == ["0"]
    for number in range(1, 5):
        assert not strangers.is_worn(0)
        strangers.began(0)
        there.workers = ("x", str(number))
        assert strangers.look(lambda _: False) == {}, "what is done is not given anew"
        assert strangers.look(waits) == {0: [str(number)]}
    assert strangers.is_worn(0)


def test_a_root_that_leads_elsewhere_there_is_a_lack_of_files(tmp_path: Path) -> None:
    task = a_task(scene(tmp_path))
    came = cluster._Came(failed(task, 4, "does not exist"), "x", (Path("/nowhere/dx.wav"),))
    assert cluster._Strangers(There("x", "y"), "tcp://s").passed_by(0, came, task) == ["y"]
    assert "cannot see /nowhere/dx.wav" in str(cluster._told(came, task).why)
    (tmp_path / "scene" / "dx.wav").unlink()
    assert cluster._Strangers(There("x", "y"), "tcp://s").passed_by(0, came, task) == []


def test_a_stranger_is_said_once_when_others_can_have_it(lacking: Lacking, caplog: pytest.LogCaptureFixture) -> None:
    task, lacked_by = lacking
    there = There("x")
    strangers = cluster._Strangers(there, "tcp://s")
    assert strangers.passed_by(0, lacked_by("x"), task) == []
    assert caplog.messages == []
    there.workers = ("x", "y")
    for number in (1, 2):
        assert strangers.passed_by(number, lacked_by("x"), task) == ["y"]
    said = "tcp://s: its worker x cannot see the files that this machine sees: its work goes to others"
    assert caplog.messages == [said]


def test_what_is_lacking_everywhere_is_given_to_nobody(lacking: Lacking, tmp_path: Path) -> None:
    """Nor is what failed for another reason, or cannot be read here either."""
    task, _ = lacking
    strangers = cluster._Strangers(There("x", "y"), "tcp://s")
    for came in (
        cluster._Came(failed(task, 4, "does not exist"), "x", (tmp_path / "gone.wav",)),
        cluster._Came(failed(task, 6, "the disk is full"), "x"),
        cluster._Came(failed(task, 3, "is empty"), "x", (), unread=True),
    ):
        assert strangers.passed_by(0, came, task) == []


def test_a_project_whose_named_root_a_worker_does_not_know_is_given_to_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STEMMIX_ROOT_HOUSE", str(tmp_path))
    stems = [stem | {"file": f"house:{stem['file']}"} for stem in scene_stems()]
    task = a_task(scene(tmp_path, stems=stems))
    needed, unread = cluster._needs(task)
    assert not unread
    assert {path.name for path in needed} == {"scene.json", "dx.wav", "mx.wav", "fx.wav", "amb.wav"}
    assert all(path.exists() for path in needed)
    came = cluster._Came(failed(task, 3, "no root"), "x", (), unread=True)
    assert cluster._Strangers(There("x", "y"), "tcp://s").passed_by(0, came, task) == ["y"]
    told = cluster._told(came, task)
    assert (told.exit_code, told.why) == (
        7,
        "its worker cannot read it: no root: workers need the same files under the same paths (on worker x)",
    )
    monkeypatch.delenv("STEMMIX_ROOT_HOUSE")
    assert cluster._needs(task) == ([task.project], True)


def test_a_client_that_is_closed_knows_of_nobody(lacking: Lacking) -> None:
    class Closed(There):
        def nthreads(self) -> dict[str, int]:
            raise AttributeError("'NoneType' object has no attribute 'ncores'")

    task, lacked_by = lacking
    assert cluster._Strangers(Closed("x", "y"), "tcp://s").passed_by(0, lacked_by("x"), task) == []


def test_what_a_worker_wrote_where_nobody_sees_it_is_not_done(house: House, reels: list[Path], tmp_path: Path) -> None:
    house.worker(sys.executable, "-c", ELSEWHERE)
    rendered(reels[0], tmp_path / "out")  # an older one is there
    before = bytes_in(tmp_path / "out")
    with rendering(house, *reels[:2], "--out", tmp_path / "out") as client:
        said, err = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 7, err
    for one in Batch.model_validate_json(said).projects:
        assert one.came == "failed"
        assert re.fullmatch(
            rf"what was written to {tmp_path / 'out'} cannot be seen from here: "
            r"workers need the same files under the same paths \(on worker tcp://\S+\)",
            str(one.why),
        )
    shutil.rmtree(tmp_path / "out" / "its")
    assert bytes_in(tmp_path / "out") == before


def test_a_scheduler_without_workers_is_said(house: House, reels: list[Path]) -> None:
    with rendering(house, reels[0]) as client:
        said, err = client.communicate(timeout=PATIENCE_S)
    assert (client.returncode, said) == (7, "")
    assert err == f"stemmix: error: {house.address}: its scheduler has no workers\n"


def test_a_scheduler_that_is_lost_ends_it(house: House, reels: list[Path]) -> None:
    house.worker()
    with rendering(house, *reels) as client:
        until(lambda: bool(writing(reels[0].parent)))
        house.scheduler.kill()
        said, _ = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 7
    assert Batch.model_validate_json(said).failed >= 4


def test_what_a_scheduler_has_dropped_is_not_called_a_scheduler_that_is_lost(house: House, reels: list[Path]) -> None:
    """As where somebody restarts the cluster."""
    from distributed import Client

    async def drop_all(dask_scheduler: Any) -> None:
        await dask_scheduler.restart(stimulus_id="a test", timeout=1, wait_for_workers=False)

    house.worker()
    with rendering(house, reels[0]) as client, Client(house.address, set_as_default=False) as somebody:
        until(lambda: bool(writing(reels[0].parent)))
        somebody.run_on_scheduler(drop_all)
        said, err = client.communicate(timeout=PATIENCE_S)
    assert client.returncode == 7, err
    (one,) = Batch.model_validate_json(said).projects
    assert one.why == f"{house.address}: the scheduler was lost, or has dropped it; --resume shows what is done"


def test_where_no_scheduler_answers_it_is_said_within_seconds(reels: list[Path]) -> None:
    """Where nobody listens, where somebody does and says nothing, and where there is nothing to prove oneself by."""
    with socket.create_server(("127.0.0.1", 0)) as silent, ExitStack() as opened:
        begun_s = time.monotonic()
        runs = {
            address: opened.enter_context(
                subprocess.Popen(
                    [sys.executable, "-m", "stemmix", "render", reels[0], "--cluster", address],
                    env=environment(),
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for address in ("tcp://127.0.0.1:9", f"tcp://127.0.0.1:{silent.getsockname()[1]}", "tls://127.0.0.1:9")
        }
        for address, run in runs.items():
            told, said = run.communicate(timeout=PATIENCE_S)
            assert (run.returncode, told) == (7, "")
            assert said.startswith(f"stemmix: error: {address}: no scheduler answers within 5 s: ")
            assert said.count("\n") == 1
        assert time.monotonic() - begun_s < 30.0


@pytest.mark.parametrize("address", ["nonsense://127.0.0.1:9", "tcp://127.0.0.1", "127.0.0.1:9", ""])
def test_what_is_no_address_is_wrong_usage(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", "a.json", "--cluster", address]) == 2
    assert "tcp://host:port" in capsys.readouterr().err


def test_without_the_extra_its_name_is_said(
    reels: list[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["render", str(reels[0]), "--cluster", "tcp://127.0.0.1:9"]) == 7
    assert "pip install 'stemmix[cluster]'" in capsys.readouterr().err
