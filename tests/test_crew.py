"""Threads that share work: what is in a line stays in order, and whoever waits works."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from itertools import count
from queue import SimpleQueue

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stemmix import crew as crew_module
from stemmix.crew import Crew, Hearers, ahead, shared_out
from stemmix.stopping import StoppedError, raised_by_signals
from tests.test_stopping import ask


@contextmanager
def ended_by(kind: type[BaseException]) -> Iterator[None]:
    """What runs inside raises it."""
    with pytest.raises(kind):
        yield


@given(
    threads=st.integers(1, 4),
    works=st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60),
)
@settings(max_examples=60, deadline=None)
def test_a_line_is_done_in_order_and_never_twice_at_once(threads: int, works: list[tuple[int, bool]]) -> None:
    done: list[list[int]] = [[] for _ in range(4)]
    at_work = [0] * 4

    def work(line: int, number: int) -> int:
        at_work[line] += 1
        assert at_work[line] == 1
        time.sleep(0.0001 * (number % 3))
        done[line].append(number)
        at_work[line] -= 1
        return number

    with Crew(threads, "test") as crew:
        lines = [crew.line() for _ in range(4)]
        for number, (line, waited_for) in enumerate(works):
            task = lines[line].give(partial(work, line, number))
            if waited_for:
                assert task.result() == number
    given_to = [[number for number, (line, _) in enumerate(works) if line == mine] for mine in range(4)]
    assert done == given_to, "all is done when it is left"


def test_whoever_waits_works() -> None:
    """On one thread there is nobody else."""
    with Crew(1, "test") as crew:
        line, other = crew.line(), crew.line()
        first, last = line.give(threading.get_ident), line.give(lambda: 7)
        beside = other.give(threading.get_ident)
        assert not first.done
        assert last.result() == 7
        assert first.result() == beside.result() == threading.get_ident()


def test_lines_go_side_by_side() -> None:
    """Each of the two waits for the other to begin."""
    met = threading.Barrier(2, timeout=60.0)
    with Crew(2, "test") as crew:
        tasks = [crew.line().give(met.wait) for _ in range(2)]
        assert sorted(task.result() for task in tasks) == [0, 1]


def test_a_wait_ends_when_what_it_waits_for_does_and_not_when_all_is_done() -> None:
    begun, let_go = threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        let_go.wait(60.0)

    with Crew(2, "test") as crew:
        slow = crew.line().give(wait)
        assert begun.wait(60.0), "by the other thread"
        assert crew.line().give(lambda: 3).result() == 3
        assert not slow.done
        let_go.set()


def test_many_short_works_never_leave_anybody_waiting() -> None:
    """Whoever hears that there is something new may find that another was quicker; what it waits for may be done by
    then all the same."""
    for _ in range(20):
        with Crew(2, "test") as crew:
            lines = [crew.line() for _ in range(3)]
            for _ in range(100):
                tasks = [line.give(lambda: 1) for line in lines]
                assert sum(task.result() for task in tasks) == 3


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_one_raises_ends_all_and_is_raised_in_the_end(threads: int) -> None:
    done = []
    with ended_by(ZeroDivisionError), Crew(threads, "test") as crew:
        line = crew.line()
        line.give(lambda: 1 // 0)
        for number in range(100):
            line.give(partial(done.append, number))
    assert not done, "nothing goes on after it in its line"


def test_what_one_raises_is_raised_where_another_is_waited_for() -> None:
    with ended_by(ZeroDivisionError), Crew(2, "test") as crew:
        line = crew.line()
        line.give(lambda: 1 // 0)
        line.give(lambda: 1).result()
        pytest.fail("its line has ended")


def test_after_a_fault_other_lines_do_not_go_on_either() -> None:
    done = []
    with ended_by(ZeroDivisionError), Crew(1, "test") as crew:
        crew.line().give(lambda: 1 // 0)
        for number in range(10):
            crew.line().give(partial(done.append, number))
    assert not done


class Gate:
    """Holds whoever comes, and says that somebody has."""

    def __init__(self) -> None:
        self.came, self._open = threading.Event(), threading.Event()

    def __call__(self) -> None:
        self.came.set()
        assert self._open.wait(60.0)

    def open(self) -> None:
        self._open.set()

    def open_when_left(self, crew: Crew) -> None:
        """However long that takes."""

        def watch() -> None:
            while not crew._ended:
                time.sleep(0.001)
            self.open()

        threading.Thread(target=watch, daemon=True).start()


@pytest.mark.parametrize("kind", [KeyError, StoppedError])
def test_left_by_an_exception_or_a_signal_it_begins_nothing_more(kind: type[BaseException]) -> None:
    done, gate = [], Gate()
    with ended_by(kind), raised_by_signals(), Crew(2, "test") as crew:
        line = crew.line()
        line.give(gate)
        for number in range(1000):
            line.give(partial(done.append, number))
        assert gate.came.wait(60.0)
        gate.open_when_left(crew)
        if kind is StoppedError:
            ask()
        raise KeyError
    assert not done


def test_a_signal_ends_what_is_worked_on_in_the_end() -> None:
    """Everything was given; who waits for it does not wait for all of it."""
    done: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        if number == 10:
            ask()

    with ended_by(StoppedError), raised_by_signals(), Crew(1, "test") as crew:
        line = crew.line()
        for number in range(1000):
            line.give(partial(work, number))
    assert done == list(range(11))


@pytest.mark.parametrize("way", ["a work's fault", "an exception", "a signal", "its end"])
def test_what_was_entered_is_left_when_nobody_works_any_more(way: str) -> None:
    """However the crew is left: a file that is closed while another thread decodes it ends the process."""
    gate, at_work, left_at_work = Gate(), [False], []

    @contextmanager
    def needed() -> Iterator[None]:
        yield
        left_at_work.append(at_work[0])

    def work() -> None:
        at_work[0] = True
        gate()
        time.sleep(0.02)
        at_work[0] = False

    kinds = {"a work's fault": ZeroDivisionError, "an exception": KeyError, "a signal": StoppedError}
    with ended_by(kinds[way]) if way in kinds else nullcontext(), raised_by_signals(), Crew(3, "test") as crew:
        crew.enter(needed())
        crew.line().give(work)
        assert gate.came.wait(60.0)
        threading.Timer(0.02, gate.open).start()
        if way == "a work's fault":
            crew.line().give(lambda: 1 // 0).result()
        elif way == "an exception":
            raise KeyError
        elif way == "a signal":
            ask()
            crew.line().give(lambda: None).result()
    assert left_at_work == [False]


def test_nobody_waits_for_what_will_never_be_done() -> None:
    with ended_by(KeyError), Crew(1, "test") as crew:
        task = crew.line().give(lambda: 1)
        raise KeyError
    with pytest.raises(RuntimeError, match="has been left"):
        task.result()


def test_a_signal_at_any_moment_of_the_bookkeeping_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is forgotten: here a signal falls right before a bell is rung."""

    class Bell:
        """Is about to be rung when the signal comes."""

        def __init__(self) -> None:
            self._real: SimpleQueue[None] = SimpleQueue()

        def get(self) -> None:
            self._real.get()

        def put(self, _: None) -> None:
            if threading.current_thread() is threading.main_thread() and not asked:
                asked.append(1)
                ask()
            self._real.put(None)

    asked: list[int] = []
    monkeypatch.setattr(crew_module, "SimpleQueue", Bell)
    with ended_by(StoppedError), raised_by_signals(), Crew(3, "test") as crew:
        for _ in range(1000):
            crew.line().give(lambda: None).result()
            time.sleep(0.001)
    assert asked


@given(sizes=st.lists(st.integers(1, 5), max_size=20), threads=st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_what_is_read_ahead_comes_in_order_up_to_the_first_that_is_empty(sizes: list[int], threads: int) -> None:
    blocks = [[n] * size for n, size in enumerate(sizes)]
    coming = iter([*blocks, [], ["never"]])
    with Crew(threads, "test") as crew:
        assert list(ahead(crew, lambda: next(coming))) == blocks


def test_hearers_hear_all_in_order_and_are_never_far_behind() -> None:
    heard: list[list[int]] = [[], []]
    with Crew(2, "test") as crew:
        hearers = Hearers(crew)
        for number in range(200):
            hearers.give([partial(one.append, number) for one in heard])
            assert all(len(one) > number - 3 for one in heard), "three blocks are in memory at most"
    assert heard == [list(range(200))] * 2


def test_hearers_say_of_each_block_that_it_is_done_when_it_is() -> None:
    heard: list[list[int]] = [[], []]
    told: list[int] = []

    def tell(number: int) -> None:
        assert all(len(one) > number for one in heard)
        told.append(number)

    with Crew(2, "test") as crew:
        hearers = Hearers(crew)
        for number in range(50):
            hearers.give([partial(one.append, number) for one in heard], partial(tell, number))
        hearers.catch_up()
        assert told == list(range(50))


def test_the_next_is_read_while_one_is_worked_on() -> None:
    read: list[int] = []
    with Crew(2, "test") as crew:
        for at, _ in enumerate(ahead(crew, lambda: read.append(1) or [0] * (len(read) < 9))):
            while len(read) < at + 2:
                time.sleep(0.001)
    assert len(read) == 9


def test_hearers_are_as_many_for_every_block() -> None:
    with ended_by(ValueError), Crew(1, "test") as crew:
        hearers = Hearers(crew)
        hearers.give([lambda: None])
        hearers.give([lambda: None] * 2)


@given(threads=st.integers(1, 64), works=st.integers(0, 100))
def test_threads_are_shared_out_and_none_too_many(threads: int, works: int) -> None:
    at_once, of_each = shared_out(threads, works)
    assert 1 <= at_once <= max(works, 1)
    assert of_each >= 1
    assert at_once * of_each <= threads


def test_the_oldest_comes_first() -> None:
    order: list[int] = []
    numbers = count()
    with Crew(1, "test") as crew:
        lines = [crew.line() for _ in range(3)]
        for line in (2, 0, 1, 1, 0, 2):
            lines[line].give(partial(order.append, next(numbers)))
    assert order == sorted(order)
