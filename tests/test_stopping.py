"""An end that is asked for: threads heed it between blocks, what waits is not begun, what is unbroken is whole."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from stemmix.files.audio import AudioReader, sha256_of
from stemmix.files.outputs import sound_writer
from stemmix.model.layouts import STEREO
from stemmix.stopping import Pool, StoppedError, heed, raised_by_signals, unbroken
from tests.material import RATE_HZ, noise, write_audio


def ask(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@contextmanager
def stopped(by: int = signal.SIGINT) -> Iterator[None]:
    """What runs inside is ended by a signal."""
    with pytest.raises(StoppedError) as raised, raised_by_signals():
        yield
    assert raised.value.exit_code == 128 + by


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_raises_in_the_main_thread_and_is_heeded_until_it_is_answered(number: int) -> None:
    with stopped(number):
        try:
            ask(number)
            time.sleep(10)
        finally:
            with pytest.raises(StoppedError):
                heed()
    heed()


def test_a_hang_up_that_is_told_more_than_once_is_one_wish() -> None:
    """By the shell and by the system, each to all of its processes."""
    done: list[str] = []
    with stopped(signal.SIGHUP):
        try:
            ask(signal.SIGHUP)
            time.sleep(10)
        finally:
            ask(signal.SIGHUP)
            done.append("cleaned up")
    assert done == ["cleaned up"]


def test_an_end_is_no_exception_that_somebody_may_take_for_his_own() -> None:
    assert not issubclass(StoppedError, Exception | KeyboardInterrupt)


def test_what_a_library_makes_of_an_end_is_an_end() -> None:
    """pydantic, ended while it builds a model, raises an error of its own."""
    with stopped():
        try:
            ask()
            time.sleep(10)
        except StoppedError as end:
            raise ValueError(f"model could not be built: {end}") from end
    with pytest.raises(ValueError, match="nobody asked"), raised_by_signals():
        raise ValueError("nobody asked")


def test_an_end_that_comes_where_nothing_can_be_raised_is_heeded_later_and_not_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Dropped:
        def __init__(self, work: Callable[[], object]) -> None:
            self._work = work

        def __del__(self) -> None:
            self._work()

    def faulty() -> None:
        raise ZeroDivisionError

    told: list[type[BaseException]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda lost: told.append(lost.exc_type))
        with stopped():
            Dropped(faulty)
            Dropped(ask)
            heed()
        Dropped(faulty)
    assert told == [ZeroDivisionError] * 2
    assert capsys.readouterr().err == ""


def test_what_waits_in_a_pool_is_not_begun_and_what_runs_ends_by_itself() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        for _ in range(1000):
            heed()
            time.sleep(0.01)

    started = time.monotonic()
    with stopped(), Pool(2) as pool:
        threading.Timer(0.2, ask).start()
        list(pool.map(work, range(100)))
    assert sorted(begun) == [0, 1]
    assert time.monotonic() - started < 5.0


def test_a_pool_that_is_being_left_when_the_signal_comes_is_left_all_the_same() -> None:
    ended = threading.Event()

    def work() -> None:
        try:
            while True:
                heed()
                time.sleep(0.01)
        finally:
            ended.set()

    with stopped(), Pool(1) as pool:
        pool.submit(work)
        threading.Timer(0.2, ask).start()
    assert ended.is_set()


def test_an_error_leaves_nothing_waiting_either() -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        time.sleep(0.05)
        raise ValueError(number)

    with pytest.raises(ValueError, match="0"), Pool(1) as pool:
        list(pool.map(work, range(100)))
    assert len(begun) < 10


def test_a_signal_waits_for_the_end_of_what_is_unbroken() -> None:
    done: list[str] = []
    with stopped():
        with unbroken():
            with unbroken():
                ask()
                time.sleep(0.01)
                done.append("inside")
            done.append("still inside")
        done.append("never")
    assert done == ["inside", "still inside"]


def test_whatever_reads_or_writes_heeds_it(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "a.wav", noise(RATE_HZ))
    with AudioReader(path) as reader, sound_writer(tmp_path / "b.wav", "wavfloat", RATE_HZ, STEREO, RATE_HZ) as writer:
        block = reader.read(100)
        with stopped():
            try:
                ask()
                time.sleep(10)
            finally:
                for act in (lambda: reader.read(100), lambda: writer.write(np.zeros((1, 2))), lambda: sha256_of(path)):
                    with pytest.raises(StoppedError):
                        act()
        assert len(block) == 100
    assert not (tmp_path / "b.wav").exists()
