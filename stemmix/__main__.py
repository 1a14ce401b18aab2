"""The program: `stemmix`, and `python -m stemmix`. Light: Ctrl-C has its answer before the command line is imported."""

from __future__ import annotations

import os
import signal


def run() -> None:
    """The process's own command line, and its end: by Ctrl-C too, at once and silently, while there is no work yet."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # where it is ignored, it stays so
        signal.signal(signal.SIGINT, lambda number, _frame: os._exit(128 + number))
    from stemmix.cli import run as run_command_line

    run_command_line()


if __name__ == "__main__":
    run()
