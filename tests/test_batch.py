"""Many projects in one go: each as if it were rendered alone, and none the worse for another."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from joblib.externals.loky.process_executor import ProcessPoolExecutor

import stemmix
from stemmix import local
from stemmix.batch import Task, failed, render_many
from stemmix.batch import rendered as render_task
from stemmix.cli import main
from stemmix.dsp import first_use
from stemmix.errors import ProjectError
from stemmix.files.cache import user_cache
from stemmix.files.hashes import Stamp
from stemmix.local import LocalJobs
from stemmix.model.batch import Batch, Outcome, worst
from stemmix.model.progress import ProgressLine
from stemmix.stopping import StoppedError
from tests.children import hand_on_kernels, tells_of_kernels
from tests.material import bytes_in, edited, rendered, scene, scene_stems

Said = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three reels side by side, each rendered alone into a folder of its own: `alone/a` ..."""
    folder = tmp_path_factory.mktemp("house")
    for number, name in enumerate("abc"):
        stems = scene_stems(name)
        stems[1]["gain_db"] = -float(number)
        rendered(scene(folder, name, stems=stems), folder / "alone" / name)
    return folder


@pytest.fixture
def reels(house: Path, tmp_path: Path) -> list[Path]:
    """The same, not rendered yet; processes that are begun find compiled kernels."""
    for name in "abc":
        shutil.copytree(house / name, tmp_path / name)
        shutil.copy(house / f"{name}.json", tmp_path)
    hand_on_kernels()
    return [tmp_path / f"{name}.json" for name in "abc"]


def batch_of(paths: Sequence[Path], out: Path | None = None, *, jobs: int = 2, resume: bool = False) -> Batch:
    return render_many(
        paths,
        out,
        LocalJobs(jobs),
        resume=resume,
        begun=lambda project: None,
        ended=lambda outcome: None,
        announced=nobody,
    )


def nobody(text: str) -> None:
    """Hears it."""


def parts_of(folder: Path, name: str) -> set[int]:
    """Ids of the processes that are writing a project."""
    return {int(part.name.split(".")[-2]) for part in folder.glob(f".{name}[._]*.part")}


@contextmanager
def killing(folder: Path, name: str, times: int) -> Iterator[list[int]]:
    """Kill each process that is found to write a project, so many of them; gives their ids."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set() and len(killed) < times:
            for process in parts_of(folder, name) - {*killed, os.getpid()}:
                os.kill(process, signal.SIGKILL)
                killed.append(process)
            time.sleep(0.002)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield killed
    finally:
        over.set()
        watcher.join()


def test_each_comes_as_if_it_were_rendered_alone(house: Path, reels: list[Path]) -> None:
    heard: list[str] = []
    out = reels[0].parent / "together"
    batch = render_many(
        reels,
        out,
        LocalJobs(2),
        begun=heard.append,
        ended=lambda outcome: heard.append(f"{outcome.project}: {outcome.came}"),
        announced=lambda text: None if tells_of_kernels(text) else pytest.fail(text),
    )
    assert [one.project for one in batch.projects] == [str(reel) for reel in reels]
    assert (batch.done, batch.failed, batch.exit_code) == (3, 0, 0)
    assert bytes_in(out) == {
        name: content for folder in "abc" for name, content in bytes_in(house / "alone" / folder).items()
    }
    assert sorted(heard) == sorted([f"{reel}{came}" for reel in reels for came in ("", ": done")])
    for one in batch.projects:
        receipt = json.loads(Path(str(one.receipt)).read_text())
        assert one.integrated_lufs == receipt["files"][0]["measured"]["integrated_lufs"]
        assert one.true_peak_dbtp == receipt["files"][0]["measured"]["true_peak_dbtp"]
        # of the rendering alone, and what a worker does around it takes as long as the machine pleases
        assert one.speed is not None
        assert one.wall_s is not None
        assert round(4.0 / one.wall_s, 1) - 0.1 <= one.speed < 400.0


def test_bad_ones_stop_nobody_and_the_worst_gives_the_exit_code(reels: list[Path]) -> None:
    a, b, c = reels
    folder = a.parent
    (folder / "b" / "mx.wav").unlink()
    edited(
        c, lambda document: document.update(deliverables=[{"name": "l", "target_lufs": -5.0, "ceiling_dbtp": -15.0}])
    )
    broken = folder / "d.json"
    broken.write_text("{")
    batch = batch_of([broken, b, c, folder / "none.json", a])
    assert [(one.came, one.exit_code) for one in batch.projects] == [
        ("failed", 3),
        ("failed", 4),
        ("missed", 5),
        ("failed", 3),
        ("done", 0),
    ]
    assert (batch.done, batch.missed, batch.skipped, batch.failed, batch.exit_code) == (1, 1, 0, 3, 4)
    whys = [str(one.why) for one in batch.projects]
    assert "d.json:1:2: " in whys[0]
    assert "b/mx.wav: does not exist" in whys[1]
    assert "c_l.wav: programme loudness is" in whys[2]
    assert "none.json: there is no such file" in whys[3]
    assert {path.name[0] for path in (folder / "out").iterdir()} == {"a", "c"}


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 5], 5),
        ([5, 3], 3),
        ([3, 4], 4),
        ([4, 6], 6),
        ([6, 7], 7),
        ([7, 1], 1),
        ([1, 137], 137),
    ],
)
def test_the_worst_leaves_most_undone(codes: list[int], code: int) -> None:
    assert worst(codes) == worst(codes[::-1]) == code


def test_one_whose_worker_is_killed_is_rendered_all_the_same(house: Path, reels: list[Path]) -> None:
    out = reels[0].parent / "out"
    out.mkdir()
    with killing(out, "b", 1) as killed:
        batch = batch_of(reels)
    assert len(killed) == 1
    assert [one.came for one in batch.projects] == ["done"] * 3
    assert batch.projects[1].notes == ("its first worker was killed by SIGKILL: rendered again, alone",)
    assert bytes_in(out) == {
        name: content for folder in "abc" for name, content in bytes_in(house / "alone" / folder).items()
    }


def test_one_that_kills_two_workers_is_given_up_and_leaves_nothing(reels: list[Path]) -> None:
    out = reels[0].parent / "out"
    out.mkdir()
    with killing(out, "b", 2) as killed:
        batch = batch_of(reels)
    assert len(killed) == 2
    assert [one.came for one in batch.projects] == ["done", "failed", "done"]
    assert batch.exit_code == batch.projects[1].exit_code == 137
    assert "its worker was killed twice, now by SIGKILL" in str(batch.projects[1].why)
    assert {path.name[:2] for path in out.iterdir()} == {"a.", "a_", "c.", "c_"}


def test_two_that_would_write_the_same_are_refused_before_anything_begins(reels: list[Path], tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    twin = shutil.copy(reels[0], tmp_path / "other" / "A.json")
    with pytest.raises(ProjectError, match="one would replace the other"):
        batch_of([reels[1], reels[0], twin], tmp_path / "out")
    (tmp_path / "link").symlink_to(tmp_path)
    with pytest.raises(ProjectError, match="is given twice"):
        batch_of([reels[0], tmp_path / "link" / "a.json"])
    assert not (tmp_path / "out").exists()


def test_two_folders_that_lead_to_one_are_one(reels: list[Path], tmp_path: Path) -> None:
    """As where each reel's `out` is a link to where all is delivered."""
    twins = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "out").symlink_to(tmp_path / "delivered")
        twins.append(Path(shutil.copy(reels[0], tmp_path / name / "A.json")))
    (tmp_path / "delivered").mkdir()
    with pytest.raises(ProjectError, match="one would replace the other"):
        batch_of(twins)
    assert list((tmp_path / "delivered").iterdir()) == []


def test_one_that_is_given_twice_is_refused_as_such(reels: list[Path], capsys: Said) -> None:
    assert main(["render", str(reels[0]), str(reels[0])]) == 3
    assert capsys.readouterr().err.endswith(f"{reels[0].name}: is given twice: once is enough\n")
    assert not (reels[0].parent / "out").exists()


def test_a_folder_that_nothing_came_into_is_gone(reels: list[Path], tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name / "mx.wav").unlink()
    batch = batch_of(reels[:2], tmp_path / "new" / "mixes")
    assert batch.failed == 2
    assert not (tmp_path / "new").exists()


def test_what_is_proved_done_is_skipped_and_what_is_not_is_said(reels: list[Path]) -> None:
    a, b, _ = reels
    out = a.parent / "out"
    assert batch_of([a, b]).done == 2
    times = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    whole = (out / "b_printmaster.wav").read_bytes()
    (out / "b_printmaster.wav").write_bytes(whole[:-100_000])
    batch = batch_of(reels, resume=True)
    assert [one.came for one in batch.projects] == ["skipped", "done", "done"]
    assert [one.not_skipped for one in batch.projects] == [
        None,
        "b_printmaster.wav is too short",
        "there is no receipt",
    ]
    assert batch.projects[0].integrated_lufs is not None
    assert (out / "b_printmaster.wav").read_bytes() == whole
    assert {name for name, time_ns in times.items() if (out / name).stat().st_mtime_ns == time_ns} == {
        name for name in times if name.startswith("a")
    }


def test_what_is_skipped_keeps_no_more_than_may_be_kept(reels: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are hashed for it, and that is remembered."""
    cache = user_cache()
    assert cache is not None
    rendered(reels[0])
    cache.clear()
    before = Stamp.of((reels[0].parent / "out" / "a.receipt.json").stat())
    task = Task("a.json", reels[0], None, None, resume=True, use_cache=True, threads=1, before=before)
    assert render_task(task, lambda: None, nobody).came == "skipped"
    assert list(cache.entries())
    monkeypatch.setenv("STEMMIX_CACHE_MB", "0")
    assert render_task(task, lambda: None, nobody).came == "skipped"
    assert not list(cache.entries())


def test_what_misses_its_specification_still_does_when_it_is_skipped(reels: list[Path]) -> None:
    masters = [{"name": "l", "target_lufs": -5.0, "ceiling_dbtp": -15.0}]
    edited(reels[0], lambda document: document.update(deliverables=masters))
    assert batch_of(reels[:1]).exit_code == 5
    batch = batch_of(reels[:1], resume=True)
    assert (batch.skipped, batch.exit_code) == (1, 5)


def test_gains_that_are_not_there_fail_a_project_the_same_whether_it_may_be_skipped(
    reels: list[Path], capsys: Said
) -> None:
    rendered(reels[0])
    missing = reels[0].with_name("gone.receipt.json")
    assert main(["render", *map(str, reels[:2]), "--gain-from", str(missing), "--resume", "--json"]) == 3
    batch = Batch.model_validate_json(capsys.readouterr().out)
    assert [(one.exit_code, one.why) for one in batch.projects] == [(3, f"{missing}: there is no such file")] * 2


@pytest.mark.parametrize(
    ("jobs", "cores", "gigabytes", "tasks", "threads"),
    [
        (2, 8, 64, 9, 4),
        (3, 8, 64, 9, 2),
        (2, 8, 64, 1, 8),
        (16, 8, 64, 20, 1),
        (0, 8, 64, 20, 1),
        (0, 8, 64, 2, 4),
        (0, 8, 2, 20, 2),
        (0, 8, 0.1, 20, 8),
        (4, 8, 0.1, 20, 2),
        (0, 1, 64, 3, 1),
    ],
)
def test_cores_are_shared_out_among_the_jobs_and_as_many_run_as_there_is_memory_for(
    jobs: int, cores: int, gigabytes: float, tasks: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "_cores", lambda: cores)
    monkeypatch.setattr(local, "_free_bytes", lambda: int(gigabytes * 1e9))
    assert LocalJobs(jobs).threads(tasks) == threads


def test_what_somebody_has_done_since_it_was_asked_for_is_not_done_again(house: Path, reels: list[Path]) -> None:
    """A worker was taken for dead and was not, or died before it could tell."""

    def nothing() -> None:
        """Nobody asks for an end."""

    rendered(reels[0])
    receipt = reels[0].parent / "out" / "a.receipt.json"
    stamp = Stamp.of(receipt.stat())
    late = Task("a.json", reels[0], None, None, resume=False, use_cache=True, threads=1, before=None)
    outcome = render_task(late, nothing, nobody)
    assert (outcome.came, outcome.speed) == ("done", None)
    assert Stamp.of(receipt.stat()) == stamp
    asked_now = replace(late, before=stamp)
    outcome = render_task(asked_now, nothing, nobody)
    assert outcome.came == "done"
    assert outcome.speed is not None
    assert Stamp.of(receipt.stat()) != stamp
    (reels[0].parent / "out" / "a_printmaster.wav").write_bytes(b"half of it")
    assert render_task(late, nothing, nobody).speed is not None, "what is not proved is done again"
    assert bytes_in(receipt.parent) == bytes_in(house / "alone" / "a")


@pytest.mark.parametrize("there", [False, True], ids=["made for it", "there before"])
def test_who_stops_midway_leaves_no_folder_that_was_made_for_it(reels: list[Path], there: bool) -> None:
    """Whoever asked for it is gone, perhaps, and could not take it away while there were parts in it."""
    out = reels[0].parent / "new" / "out"
    out.mkdir(parents=True)
    task = Task("a.json", reels[0], out, None, resume=False, use_cache=True, threads=1, before=None)
    if not there:
        task = replace(task, new_folders=(out, out.parent))

    def stop() -> None:
        if parts_of(out, "a"):
            raise StoppedError(signal.SIGINT)

    with pytest.raises(StoppedError):
        render_task(task, stop, nobody)
    assert out.exists() == out.parent.exists() == there
    assert not there or not list(out.iterdir())


def test_another_stemmix_is_refused_by_the_worker(reels: list[Path]) -> None:
    task = Task("a.json", reels[0], None, None, resume=False, use_cache=True, threads=1, before=None, version="0.0.9")
    outcome = render_task(task, lambda: None, nobody)
    assert (outcome.came, outcome.exit_code) == ("failed", 7)
    assert "was sent by stemmix 0.0.9, but this worker has" in str(outcome.why)
    assert not (reels[0].parent / "out").exists()


def test_what_all_wait_for_is_announced_once_and_at_once(reels: list[Path]) -> None:
    """Whoever compiles second finds a folder for kernels, and says less."""
    heard: list[str] = []

    class Compiling(LocalJobs):
        def outcomes(
            self, tasks: Sequence[Task], begun: Callable[[Task], None], announced: Callable[[str], None]
        ) -> Generator[Outcome]:
            for number, task in enumerate(tasks):
                announced(f"compiling: {number}")
                heard.append(task.named)
                yield failed(task, 1, "is none of this test's")

    render_many(reels, None, Compiling(2), begun=nobody, ended=lambda outcome: None, announced=heard.append)
    assert heard == ["compiling: 0", *map(str, reels)]


@pytest.mark.parametrize(("threads", "helped"), [(1, False), (2, True)])
def test_a_process_that_compiles_is_helped_where_a_core_is_free(
    reels: list[Path], monkeypatch: pytest.MonkeyPatch, threads: int, helped: bool
) -> None:
    monkeypatch.setattr(first_use, "beside", None)
    task = Task("a.json", reels[0], None, None, resume=False, use_cache=True, threads=threads, before=None, version="0")
    with ProcessPoolExecutor(1) as pool:
        assert pool.submit(_helped, task).result() == helped


def _helped(task: Task) -> bool:
    local._task_done(task)
    return first_use.beside is not None


def test_that_kernels_are_compiled_is_said_while_they_are(reels: list[Path], tmp_path: Path) -> None:
    (tmp_path / "fresh").mkdir()
    own = {"PYTHONPATH": str(Path(stemmix.__file__).parents[1]), "NUMBA_CACHE_DIR": str(tmp_path / "fresh")}
    code = "import sys; from stemmix.cli import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-c", code, "render", *map(str, reels[:2]), "--jobs", "2"],
        env=os.environ | own,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        lines = [process.stderr.readline() for _ in range(3)]
        assert process.poll() is None
        process.terminate()
        rest = process.stderr.read()
    assert sorted(lines) == sorted(
        [*(f"{reel}: started\n" for reel in reels[:2]), "compiling kernels for this machine, once: about 20 s\n"]
    )
    assert (process.returncode, rest) == (128 + signal.SIGTERM, "")


# ---- on the command line ---------------------------------------------------------------------------------------------


def test_a_line_as_each_begins_and_ends_and_a_table_of_all(
    reels: list[Path], capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stemmix.commands.rendering.width", lambda: 300)  # a folder's name may be long
    (reels[1].parent / "b" / "mx.wav").unlink()
    assert main(["render", *map(str, reels), "--jobs", "2"]) == 4
    out, err = capsys.readouterr()
    assert out.splitlines()[0].startswith("3 projects: 2 done, 1 failed; ")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.startswith(str(reels[0].parent))}
    assert rows[str(reels[0])][:3] == ["done", "-23.00", rows[str(reels[0])][2]]
    assert rows[str(reels[1])] == ["FAILED", "-", "-", "-", "4"]
    assert "failed: " in out
    assert "b/mx.wav: does not exist" in out
    lines = err.splitlines()
    assert sorted(line for line in lines if line.endswith("started")) == [f"{reel}: started" for reel in reels]
    ended = [line for line in lines if not line.endswith("started")]
    assert [line[-5:] for line in ended] == ["(1/3)", "(2/3)", "(3/3)"]
    assert sum("x real time" in line for line in ended) == 2
    assert any(line.startswith(f"{reels[1]}: failed (exit code 4): ") for line in ended)


def test_one_that_failed_is_named_once(reels: list[Path], capsys: Said) -> None:
    missing = reels[0].with_name("missing.json")
    assert main(["render", str(missing), str(missing.with_name("gone.json"))]) == 3
    out, err = capsys.readouterr()
    assert f"failed: {missing}: there is no such file\n" in out
    assert f"{missing}: failed (exit code 3): there is no such file (1/2)\n" in err


def test_for_programs_there_are_an_object_and_lines(reels: list[Path], capsys: Said) -> None:
    assert main(["render", *map(str, reels[:2]), "--jobs", "1", "--json", "--progress", "json"]) == 0
    out, err = capsys.readouterr()
    batch = Batch.model_validate_json(out)
    assert [one.project for one in batch.projects] == [str(reel) for reel in reels[:2]]
    lines = [ProgressLine.model_validate_json(line) for line in err.splitlines()]
    assert [line.event for line in lines if line.event not in ("note", "progress")] == [
        "start",
        "stage",
        "stage",
        "done",
    ]
    assert (lines[-1].share, lines[-1].exit_code, lines[-1].reels) == (1.0, 0, 2)
    assert sum("started" in (line.text or "") for line in lines) == 2


def test_one_project_is_told_of_as_ever_unless_more_is_asked_for(reels: list[Path], capsys: Said) -> None:
    assert main(["render", str(reels[0])]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("A test: written to ")
    assert err == ""
    assert main(["render", str(reels[0]), "--resume"]) == 0
    out, err = capsys.readouterr()
    assert "skipped: its receipt proves it done (1/1)" in err
    assert main(["render", str(reels[0]), "--resume", "--quiet"]) == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["a.json", "b.json", "--plan", "p.plan.json"],
        ["a.json", "--jobs", "many"],
        ["a.json", "--jobs", "-1"],
        ["a.json", "b.json", "--jobs", "2", "--cluster", "tcp://127.0.0.1:1"],
        ["--programme", "p.json", "--jobs", "2"],
        ["--programme", "p.json", "--resume"],
        ["--programme", "p.json", "a.json"],
        ["--jobs", "2"],
    ],
    ids=" ".join,
)
def test_what_has_no_meaning_is_wrong_usage(arguments: list[str], capsys: Said) -> None:
    assert main(["render", *arguments]) == 2
    assert "Error: " in capsys.readouterr().err


def test_an_outcome_survives_the_way_between_processes() -> None:
    outcome = Outcome(project="a.json", came="failed", exit_code=4, why="a stem is gone", notes=("x",))
    assert pickle.loads(pickle.dumps(outcome)) == outcome
