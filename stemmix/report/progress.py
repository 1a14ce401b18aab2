"""How far a command has come: a bar on a terminal, lines of JSON for programs, silence elsewhere.

All of them are told `Step`s, often, from any thread, and draw a few times a second: telling costs next to nothing.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TextIO, cast

from stemmix.model.progress import PROGRESS_SCHEMA, Progress, ProgressLine, Stage, Step
from stemmix.report.as_json import as_json_line

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

LINES_A_SECOND = 10
DRAWN_A_SECOND = 5
_SHORT_S = 0.4
"""What is over sooner needs no bar."""
_TELLING_SHARE, _TELLING_S = 0.02, 0.5
"""When as much is done, in as long, it can be told how long the rest will take."""

_WORDS: dict[Stage, str] = {
    "open": "opening",
    "align": "aligning",
    "listen": "listening",
    "decide": "deciding",
    "mix": "mixing",
    "write": "writing",
    "print": "printing",
    "examine": "examining",
    "compare": "comparing",
    "read": "reading",
    "render": "rendering",
}


class How(StrEnum):
    """What `--progress` takes."""

    AUTO = "auto"
    BAR = "bar"
    JSON = "json"
    NONE = "none"


class Pace(NamedTuple):
    """How fast a job goes."""

    done_s: float | None
    """Seconds of audio; None while it is not known how much there is."""
    speed: float | None
    """Times real time."""
    eta_s: float | None
    """How much longer it will take."""


class _Watch:
    """How fast a job goes, from what is told of it."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._moved: tuple[float, float] | None = None

    def tell(self, step: Step) -> None:
        """To be told of every step: the rest will take as long, share by share, as what was done since the first."""
        if self._moved is None and step.share > 0.0:
            self._moved = step.share, self.elapsed_s

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def pace(self, step: Step, elapsed_s: float) -> Pace:
        """After so long."""
        done_s = None if step.audio_s is None else step.share * step.audio_s
        speed = None if done_s is None or elapsed_s <= 0.0 else done_s / elapsed_s
        first, first_s = self._moved or (step.share, elapsed_s)
        done, taken_s = step.share - first, elapsed_s - first_s
        can_tell = done >= _TELLING_SHARE and taken_s >= _TELLING_S
        return Pace(done_s, speed, taken_s * (1.0 - step.share) / done if can_tell else None)


class JsonLines:
    """One `ProgressLine` a line: the first at once, the last by `end`, between them at most `LINES_A_SECOND`, beside
    one for each stage and each note."""

    def __init__(self, command: str, write: Callable[[str], None]) -> None:
        """`write` takes a whole line with its end."""
        self._command = command
        self._write = write
        self._lock = threading.Lock()
        self._watch = _Watch()
        self._next = 0.0
        self._step: Step | None = None
        self._has_ended = False
        self._say("start")

    def tell(self, step: Step) -> None:
        """How far it has come; called as often as anybody likes."""
        with self._lock:
            if self._has_ended:  # a thread that was broken off says how far it has come
                return
            before, self._step = self._step, step
            self._watch.tell(step)
            if before is None or (before.stage, before.reel) != (step.stage, step.reel):
                self._say("stage")
            elif self._watch.elapsed_s >= self._next:
                self._say("progress")

    def note(self, text: str) -> None:
        """Something that a person should know."""
        with self._lock:
            self._say("note", text)

    def end(self, exit_code: int, why: str | None) -> None:
        """The last line: it failed where there is a reason `why`."""
        with self._lock:
            self._has_ended = True
            if self._step is not None and why is None:
                self._step = self._step._replace(share=1.0)
            self._say("done" if why is None else "failed", why, exit_code)

    def _say(
        self,
        event: Literal["start", "stage", "progress", "note", "done", "failed"],
        text: str | None = None,
        exit_code: int | None = None,
    ) -> None:
        elapsed_s, step = self._watch.elapsed_s, self._step
        self._next = elapsed_s + 1.0 / LINES_A_SECOND
        pace = Pace(None, None, None) if step is None else self._watch.pace(step, elapsed_s)
        line = ProgressLine(
            schema_=PROGRESS_SCHEMA,
            event=event,
            command=self._command,
            stage=None if step is None or exit_code is not None else step.stage,
            # of little work, as a diff of two documents, nothing was told
            share=float(event == "done") if step is None else round(step.share, 4),
            reel=1 if step is None else step.reel,
            reels=1 if step is None else step.reels,
            audio_s=None if step is None else _rounded(step.audio_s, 3),
            done_s=_rounded(pace.done_s, 3),
            elapsed_s=round(elapsed_s, 3),
            speed=_rounded(pace.speed, 1),
            eta_s=_rounded(pace.eta_s, 1),
            text=text,
            exit_code=exit_code,
        )
        # pydantic's own JSON has no place for the bytes of a name that is no text
        self._write(as_json_line(line.model_dump(mode="json", by_alias=True)))


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


@contextmanager
def shown(how: How, quiet: bool, write: Callable[[str], None]) -> Iterator[Progress]:
    """A function that is told how far a job has come, and shows it on stderr, on a terminal.

    On one that cannot draw, and where a bar is asked for and there is none, each stage is named as it begins: `write`
    takes a line with its end. Lines of JSON are shown by `JsonLines`.
    """
    on_terminal = sys.stderr.isatty()
    if quiet or how is How.NONE or (how is How.AUTO and not on_terminal):
        yield lambda step: None
        return
    from rich.console import Console

    console = Console(file=cast(TextIO, _Screen(sys.stderr)))
    if on_terminal and not console.is_dumb_terminal:
        with _Bar(console) as bar:
            yield bar.tell
    else:
        yield _Named(write).tell


class _Screen:
    """A terminal's stream; once the terminal is gone, closed or hung up, what is drawn is dropped, and work goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


class _Named:
    """Each stage by its name, a line each."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._said: tuple[Stage, int] | None = None

    def tell(self, step: Step) -> None:
        if self._said != (step.stage, step.reel):
            self._said = (step.stage, step.reel)
            self._write(f"{_label(step)} ...\n")


def _label(step: Step) -> str:
    return _WORDS[step.stage] + (f" {step.reel}/{step.reels}" if step.reels > 1 else "")


class _Bar:
    """One line: what is done, how far all of it is, how fast it goes, how much longer it takes.

    Drawn by a thread of its own a few times a second, from what was told last.
    """

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._console = console
        self._watch = _Watch()
        self._step: Step | None = None
        self._live = Live(console=console, get_renderable=self._line, refresh_per_second=DRAWN_A_SECOND, transient=True)

    def tell(self, step: Step) -> None:
        self._step = step
        self._watch.tell(step)

    def __enter__(self) -> _Bar:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def _line(self) -> RenderableType:
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        step, elapsed_s = self._step, self._watch.elapsed_s
        line = Table.grid(expand=True, padding=(0, 1, 0, 0))
        if step is None or elapsed_s < _SHORT_S:
            return line
        wide = self._console.width >= 60
        pace = self._watch.pace(step, elapsed_s)
        line.add_column(no_wrap=True)
        line.add_column(ratio=1)
        for _ in range(3):
            line.add_column(no_wrap=True, justify="right")
        left = "" if pace.eta_s is None else _clock(pace.eta_s) + (" left" if wide else "")
        line.add_row(
            f"{_label(step):<14}" if wide else _label(step),
            ProgressBar(total=1.0, completed=step.share),
            f"{int(100 * step.share):3d}%",
            "" if pace.speed is None else f"{pace.speed:4.0f}x" + (" real time" if wide else ""),
            f"{left:>12}" if wide else left,
        )
        return line


def _clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are any.

    >>> _clock(7.6), _clock(725), _clock(7325)
    ('0:08', '12:05', '2:02:05')
    """
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
