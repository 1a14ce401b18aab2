"""Vector instructions for kernels whose loops the compiler does not vectorise: whole registers in and out of arrays.

An intrinsic of numba makes its code with a `VectorCode`. Lanes are independent, and nothing is contracted or reordered:
the same bits on every processor.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

from llvmlite import ir
from numba.core import cgutils

REGISTER_BYTES = 64


class VectorCode:
    """Loads, stores and constants of vectors of one element type, at a place in the code that is made."""

    def __init__(self, context: Any, builder: Any, element: Any) -> None:
        """`element`: numba's type of the arrays' elements, float32 or float64."""
        self.builder = builder
        self._context = context
        self._bytes = element.bitwidth // 8
        self._scalar = context.get_value_type(element)
        self.lanes = REGISTER_BYTES // self._bytes

    def elements(self, kind: Any, value: Any) -> Any:
        """Where an array's elements begin."""
        return self._context.make_array(kind)(self._context, self.builder, value).data

    def load(self, elements: Any, at: Any, lanes: int = 0) -> Any:
        """A vector of elements from `at` on; a register full if it is not said."""
        return self.builder.load(self._place(elements, at, lanes or self.lanes), align=self._bytes)

    def store(self, vector: Any, elements: Any, at: Any) -> None:
        self.builder.store(vector, self._place(elements, at, vector.type.count), align=self._bytes)

    def spread(self, elements: Any, at: Any) -> Any:
        """One element in every lane."""
        return self.filled(self.builder.load(self.builder.gep(elements, [at])))

    def filled(self, value: Any, lanes: int = 0) -> Any:
        """A scalar in every lane."""
        kind = ir.VectorType(self._scalar, lanes or self.lanes)
        lone = self.builder.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
        return self.everywhere(lone, 0)

    def everywhere(self, vector: Any, lane: int) -> Any:
        """One lane of a vector in all of them."""
        kind = ir.VectorType(ir.IntType(32), vector.type.count)
        return self.builder.shuffle_vector(vector, vector, ir.Constant(kind, [lane] * vector.type.count))

    def led_by(self, vector: Any, value: Any) -> Any:
        """A scalar, and after it all lanes of a vector but the last."""
        count = vector.type.count
        order = ir.Constant(ir.VectorType(ir.IntType(32), count), [count, *range(count - 1)])
        return self.builder.shuffle_vector(vector, self.filled(value), order)

    def last_lane(self, vector: Any) -> Any:
        """As a scalar."""
        return self.builder.extract_element(vector, ir.Constant(ir.IntType(32), vector.type.count - 1))

    def sum_of_columns(self, columns: Sequence[Any], factors: Sequence[Any], states: int) -> Any:
        """Columns times factors, in a fixed order; what hangs on so many numbers of state is added last, and in pairs:
        what comes after waits for nothing else."""
        terms = [self.builder.fmul(column, factor) for column, factor in zip(columns, factors, strict=True)]
        add = self.builder.fadd
        of_state = reduce(add, [add(terms[i], terms[i + 1]) for i in range(0, states, 2)])
        return add(reduce(add, terms[states:]), of_state)

    def magnitude(self, vector: Any) -> Any:
        return self.higher(vector, self.builder.fneg(vector))

    def higher(self, one: Any, other: Any) -> Any:
        return self.builder.select(self.builder.fcmp_ordered(">", one, other), one, other)

    def root(self, vector: Any) -> Any:
        """Square roots."""
        kind, name = vector.type, f"llvm.sqrt.v{vector.type.count}f{8 * self._bytes}"
        function: Any = cgutils.get_or_insert_function
        return self.builder.call(function(self.builder.module, ir.FunctionType(kind, [kind]), name), [vector])

    def whole(self, number: int) -> Any:
        """A whole number of 32 bits in every lane."""
        return ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [number] * self.lanes)

    def bits(self, vector: Any) -> Any:
        """The bits of float32 as whole numbers."""
        return self.builder.bitcast(vector, ir.VectorType(ir.IntType(32), self.lanes))

    def from_bits(self, vector: Any) -> Any:
        """The float32 that have such bits."""
        return self.builder.bitcast(vector, ir.VectorType(self._scalar, self.lanes))

    def transposed(self, rows: Sequence[Any]) -> list[Any]:
        """As many vectors as each has lanes: lane i of vector j is lane j of vector i. Blocks change places, smallest
        first."""
        count = len(rows)
        rows = list(rows)
        kind = ir.VectorType(ir.IntType(32), count)
        step = 1
        while step < count:
            upper = [lane & step for lane in range(count)]
            low = ir.Constant(kind, [count + lane - step if upper[lane] else lane for lane in range(count)])
            high = ir.Constant(kind, [count + lane if upper[lane] else lane + step for lane in range(count)])
            for i in range(count):
                if not i & step:
                    one, other = rows[i], rows[i + step]
                    rows[i] = self.builder.shuffle_vector(one, other, low)
                    rows[i + step] = self.builder.shuffle_vector(one, other, high)
            step *= 2
        return rows

    def constant(self, value: float, lanes: int = 0) -> Any:
        count = lanes or self.lanes
        return ir.Constant(ir.VectorType(self._scalar, count), [value] * count)

    def highest_lane(self, vector: Any) -> Any:
        """As a scalar."""
        count = vector.type.count
        while count > 1:
            count //= 2
            kind = ir.VectorType(ir.IntType(32), count)
            halves = (list(range(count)), list(range(count, 2 * count)))
            vector = self.higher(
                *(self.builder.shuffle_vector(vector, vector, ir.Constant(kind, lanes)) for lanes in halves)
            )
        return self.builder.extract_element(vector, ir.Constant(ir.IntType(32), 0))

    def further(self, at: Any, stride: Any, count: int) -> Any:
        """The place `count` strides after another; strides and places are integers of one type."""
        return self.builder.add(at, self.builder.mul(stride, ir.Constant(stride.type, count)))

    def after(self, at: Any, count: int) -> Any:
        """The place `count` elements after another."""
        return self.builder.add(at, ir.Constant(at.type, count))

    def _place(self, elements: Any, at: Any, lanes: int) -> Any:
        place = self.builder.gep(elements, [at])
        return self.builder.bitcast(place, ir.VectorType(self._scalar, lanes).as_pointer())
