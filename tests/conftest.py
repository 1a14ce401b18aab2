"""What holds for every test."""

from __future__ import annotations

import logging
import signal

import pytest
from hypothesis import settings

# settles where compiled code is kept, before a test's own XDG_CACHE_HOME would have all of it compiled anew
import stemmix.dsp.compiling  # noqa: F401
from tests.children import tells_of_kernels

# a job in the background of a shell is deaf to interrupts, one under nohup to hang-ups, and so would be what the tests
# start and interrupt
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# how long an example takes says how busy the machine is: no test of a rule fails of that
settings.register_profile("house", deadline=None)
settings.load_profile("house")

# whether this process compiles any hangs on what ran before it: a test of what is said is not to
logging.getLogger("stemmix").addFilter(lambda record: not tells_of_kernels(record.getMessage()))


@pytest.fixture(autouse=True)
def _no_test_meets_the_users_features(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The feature store is empty when a test begins, and in nobody's home."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
