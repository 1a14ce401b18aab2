"""What may be begun before the first kernel is compiled on a machine. Light: whoever sets it need not load numba."""

from __future__ import annotations

from collections.abc import Callable

beside: Callable[[], None] | None = None
"""Called once, by the process that makes the folder for the kernels of this machine. The command line sets it."""
