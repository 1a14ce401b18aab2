"""How kernels are compiled: arrays in, arrays out; a readable twin of each stands in `tests/reference/`.

No fastmath (it deletes isnan, and gives other bits on other processors), no prange (threads over stems and nogil
instead), no closures (they are never cached). A division by zero is infinite, as numpy has it: the check that Python
asks for keeps a loop from being vectorised.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba as nb
from numba.core import event, types

from stemmix.dsp.kernel_store import KernelStore
from stemmix.stopping import heed, shielded


class _EndBetweenPasses(event.Listener):
    """Compiling a kernel takes a second, and the next one another: who asks for an end gets it after this pass."""

    def on_start(self, event: event.Event) -> None:
        heed()

    def on_end(self, event: event.Event) -> None:
        pass


event.register("numba:run_pass", _EndBetweenPasses())


def compiled(function: Callable[..., Any]) -> Any:
    """A kernel: compiled when it is first called with arguments of new types, and kept (`kernel_store`).

    What numpy does to whole arrays may take longer to compile than all the rest of a kernel: a slice that is assigned
    to most, then a search, a sum or a maximum. Loops take nothing.
    """
    # nobody calls it from C: a tenth of compiling went into that
    options: Any = {"nogil": True, "fastmath": False, "error_model": "numpy", "no_cfunc_wrapper": True}
    kernel: Any = nb.njit(**options)(function)
    kernel._cache = KernelStore(function)
    compile_or_load = kernel.compile

    def unbroken(types_of_arguments: Any) -> Any:
        """LLVM calls back into Python: what is raised there ends in a crash. Between passes an end is heeded."""
        with shielded():
            return compile_or_load(types_of_arguments)

    kernel.compile = unbroken
    called = kernel.get_call_template

    def called_with_any(args: Any, kws: Any) -> Any:
        """A kernel that calls it with a constant gets no kernel of its own for that number: once is long enough."""
        return called(tuple(map(types.unliteral, args)), {name: types.unliteral(kws[name]) for name in kws})

    kernel.get_call_template = called_with_any
    return kernel
