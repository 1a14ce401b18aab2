"""Fourier transforms of many frames at once, one frame in each lane of a vector register.

Numbers stand as planes, real and imaginary parts apart, of shape (size, lanes): 16 lanes of float32, 8 of float64, 64
bytes both. Every step of the transform is then the same for all lanes, and nothing has to be shuffled. The algorithm is
Stockham's, which sorts itself: passes of radix 8, 4 and 2 from one pair of planes to another and back.

The butterflies are written as vector instructions, because loops over so many arrays are not vectorised by the
compiler. Lanes are independent, nothing is contracted or reordered: the same bits on every processor, whatever stands
in the other lanes.

Source: C. Van Loan, Computational Frameworks for the Fast Fourier Transform (1992), section 1.7.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

from stemmix.dsp.compiling import compiled
from stemmix.dsp.vector_code import VectorCode


class _Complex(NamedTuple):
    """A complex number in every lane, while code is made."""

    re: Any
    im: Any


class _Maker:
    """Makes the code of one butterfly."""

    def __init__(self, context, builder, signature, values):
        self._builder = builder
        self._code = VectorCode(context, builder, signature.args[0].dtype)
        self._planes = [self._code.elements(*both) for both in zip(signature.args[:4], values[:4], strict=True)]
        self._table = self._code.elements(signature.args[8], values[8])

    def load(self, row: Any) -> _Complex:
        """Of the planes that are read."""
        at = self._first_of(row)
        return _Complex(*(self._code.load(plane, at) for plane in self._planes[:2]))

    def store(self, number: _Complex, row: Any) -> None:
        """Into the planes that are written."""
        at = self._first_of(row)
        for value, plane in zip(number, self._planes[2:], strict=True):
            self._code.store(value, plane, at)

    def twiddle(self, at: Any) -> _Complex:
        """A factor of the table, the same in every lane."""
        return _Complex(self._code.spread(self._table, at), self._code.spread(self._table, self._code.after(at, 1)))

    def constant(self, value: float) -> Any:
        return self._code.constant(value)

    def row(self, first: Any, step: Any, count: int) -> Any:
        return self._code.further(first, step, count)

    def add(self, a: _Complex, b: _Complex) -> _Complex:
        return _Complex(self._builder.fadd(a.re, b.re), self._builder.fadd(a.im, b.im))

    def sub(self, a: _Complex, b: _Complex) -> _Complex:
        return _Complex(self._builder.fsub(a.re, b.re), self._builder.fsub(a.im, b.im))

    def add_j(self, a: _Complex, b: _Complex) -> _Complex:
        """a + jb"""
        return _Complex(self._builder.fsub(a.re, b.im), self._builder.fadd(a.im, b.re))

    def sub_j(self, a: _Complex, b: _Complex) -> _Complex:
        """a - jb"""
        return _Complex(self._builder.fadd(a.re, b.im), self._builder.fsub(a.im, b.re))

    def times(self, a: _Complex, b: _Complex) -> _Complex:
        mul, add, sub = self._builder.fmul, self._builder.fadd, self._builder.fsub
        return _Complex(sub(mul(a.re, b.re), mul(a.im, b.im)), add(mul(a.re, b.im), mul(a.im, b.re)))

    def scaled(self, a: _Complex, factor: float) -> _Complex:
        factors = self.constant(factor)
        return _Complex(self._builder.fmul(a.re, factors), self._builder.fmul(a.im, factors))

    def _first_of(self, row: Any) -> Any:
        """A row's first element."""
        return self._builder.mul(row, ir.Constant(row.type, self._code.lanes))


def _of_two(make: _Maker, x: list[_Complex]) -> list[_Complex]:
    return [make.add(x[0], x[1]), make.sub(x[0], x[1])]


def _of_four(make: _Maker, x: list[_Complex]) -> list[_Complex]:
    even, odd = _of_two(make, x[0::2]), _of_two(make, x[1::2])
    return [
        make.add(even[0], odd[0]),
        make.sub_j(even[1], odd[1]),
        make.sub(even[0], odd[0]),
        make.add_j(even[1], odd[1]),
    ]


def _of_eight(make: _Maker, x: list[_Complex]) -> list[_Complex]:
    near = [make.add(x[i], x[i + 4]) for i in range(4)]
    far = [make.sub(x[i], x[i + 4]) for i in range(4)]
    nothing = _Complex(make.constant(0.0), make.constant(0.0))
    half = 0.5**0.5
    turned = [
        far[0],
        make.scaled(make.sub_j(far[1], far[1]), half),
        make.sub_j(nothing, far[2]),
        make.scaled(make.sub_j(make.sub(nothing, far[3]), far[3]), half),
    ]
    even, odd = _of_four(make, near), _of_four(make, turned)
    return [number for both in zip(even, odd, strict=True) for number in both]


_POINTS = {2: _of_two, 4: _of_four, 8: _of_eight}


def _butterfly(radix: int, *, turning: bool) -> Any:
    """The intrinsic of a radix: (planes in, planes out, row, step, row out, step out, table, place in the table)."""

    def made(typing, re, im, out_re, out_im, row, step, out_row, out_step, table, at):
        def code(context, builder, signature, values):
            make = _Maker(context, builder, signature, values)
            row, step, out_row, out_step = values[4:8]
            at = values[9]

            numbers = _POINTS[radix](make, [make.load(make.row(row, step, i)) for i in range(radix)])
            for i, number in enumerate(numbers):
                place = make.row(out_row, out_step, i)
                if turning and i:
                    factor = make.twiddle(builder.add(at, ir.Constant(at.type, 2 * (i - 1))))
                    make.store(make.times(number, factor), place)
                else:
                    make.store(number, place)
            return context.get_dummy_value()

        counts = (types.intp,) * 4
        return types.void(re, im, out_re, out_im, *counts, table, types.intp), code

    made.__name__ = made.__qualname__ = f"_butterfly_{radix}{'_turning' if turning else ''}"
    return intrinsic(made)


_plain_2, _turning_2 = _butterfly(2, turning=False), _butterfly(2, turning=True)
_plain_4, _turning_4 = _butterfly(4, turning=False), _butterfly(4, turning=True)
_plain_8, _turning_8 = _butterfly(8, turning=False), _butterfly(8, turning=True)


@compiled
def _pass_2(re, im, out_re, out_im, left, stride, table, at):
    for q in range(stride):
        _plain_2(re, im, out_re, out_im, q, stride * left, q, stride, table, at)
    for p in range(1, left):
        for q in range(stride):
            row, out = q + stride * p, q + 2 * stride * p
            _turning_2(re, im, out_re, out_im, row, stride * left, out, stride, table, at + 2 * p)


@compiled
def _pass_4(re, im, out_re, out_im, left, stride, table, at):
    for q in range(stride):
        _plain_4(re, im, out_re, out_im, q, stride * left, q, stride, table, at)
    for p in range(1, left):
        for q in range(stride):
            row, out = q + stride * p, q + 4 * stride * p
            _turning_4(re, im, out_re, out_im, row, stride * left, out, stride, table, at + 6 * p)


@compiled
def _pass_8(re, im, out_re, out_im, left, stride, table, at):
    for q in range(stride):
        _plain_8(re, im, out_re, out_im, q, stride * left, q, stride, table, at)
    for p in range(1, left):
        for q in range(stride):
            row, out = q + stride * p, q + 8 * stride * p
            _turning_8(re, im, out_re, out_im, row, stride * left, out, stride, table, at + 14 * p)


@compiled
def transform(re, im, work_re, work_im, radices, table):
    """The forward transform of planes (size, lanes), in place; the inverse, times size, of planes that are swapped.

    Work planes of the same shape are overwritten. `radices` and `table` as `fft.Transform` has them: an even number of
    passes, so that the last one ends where the first began.
    """
    left, stride, at = len(re), 1, 0
    for number in range(len(radices)):
        radix = radices[number]
        left //= radix
        a_re, a_im, b_re, b_im = re, im, work_re, work_im
        if number % 2:
            a_re, a_im, b_re, b_im = work_re, work_im, re, im
        if radix == 8:
            _pass_8(a_re, a_im, b_re, b_im, left, stride, table, at)
        elif radix == 4:
            _pass_4(a_re, a_im, b_re, b_im, left, stride, table, at)
        else:
            _pass_2(a_re, a_im, b_re, b_im, left, stride, table, at)
        at += 2 * (radix - 1) * left
        stride *= radix
