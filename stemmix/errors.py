"""The family of errors that a user can cause or meet, drawn once.

::

    StemmixError                      anything below; the command line catches this family and nothing else
    ├── ProjectError          exit 3  the project or plan is invalid or stale: file, line, field, what was expected
    ├── StemError             exit 4  a stem is missing, unreadable or unsound
    ├── OutputError           exit 6  output could not be written (says why: disk full, read-only ...)
    └── ClusterError          exit 7  there is no cluster to work on: not installed, not reached, another stemmix, lost

Exit 5 (rendered, but a deliverable misses its specification) is no error: the files exist, and the receipt says what
is amiss. Every message is one sentence for a person, beginning with what it is about.
"""

from __future__ import annotations


class StemmixError(Exception):
    """Something a user can mend; `exit_code` is what the command line returns for it."""

    exit_code = 1


class ProjectError(StemmixError):
    """The project or plan is invalid or stale."""

    exit_code = 3


class StemError(StemmixError):
    """A stem is missing, unreadable or unsound."""

    exit_code = 4


class OutputError(StemmixError):
    """Output could not be written."""

    exit_code = 6


class ClusterError(StemmixError):
    """There is no cluster to work on."""

    exit_code = 7
