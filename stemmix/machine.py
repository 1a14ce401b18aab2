"""What samples depend on beside what is mixed: the versions of the libraries, and the type of processor."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path

from stemmix import __version__


def versions() -> dict[str, str]:
    """stemmix, Python and the libraries that samples depend on."""
    return {
        "stemmix": __version__,
        "python": platform.python_version(),
        **{name: version(name) for name in ("numba", "numpy", "scipy", "soundfile", "soxr")},
    }


def processor() -> str:
    """Type of processor: the model where the system names it."""
    try:
        with Path("/proc/cpuinfo").open() as lines:
            models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
            return next(models, "") or platform.processor() or platform.machine()
    except OSError:
        return platform.processor() or platform.machine()
