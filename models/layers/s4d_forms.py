"""Forms of diagonal state-space models; their loops are in s4d.pyx and s4d_convolution.pyx.

Heads lie in blocks of `LANES`: arrays (heads, ...) become (blocks, ..., LANES), filled up with zeros.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from eventsim.models.layers.kernels import s4d as s4d_loops
from eventsim.models.layers.kernels import s4d_convolution as s4d_convolution_loops
from eventsim.models.layers.kernels.pieces import of_threads, share
from eventsim.models.layers.layer import Array
from eventsim.models.layers.quantizers import Grid
from eventsim.models.layers.s4d_quantization import StateSpaceQuantization

__all__ = ["LANES", "Convolution", "Recurrent", "scan"]

LANES = s4d_loops.LANES
Numbers = tuple[Array, Array, Array, Array]  # A_bar, B_bar, C (heads, modes) and D (heads,)


def in_lanes(array: Array, dtype: Any) -> Array:
    """Return an array (heads, ...) as (blocks, ..., LANES)."""
    blocks = -(-len(array) // LANES)
    filled = np.zeros((blocks * LANES, *array.shape[1:]), dtype)
    filled[: len(array)] = array
    return np.ascontiguousarray(np.moveaxis(filled.reshape(blocks, LANES, *array.shape[1:]), 1, -1))


def out_of_lanes(array: Array, heads: int) -> Array:
    """Return an array (blocks, ..., LANES) as (heads, ...)."""
    return np.moveaxis(array, -1, 1).reshape(-1, *array.shape[1:-1])[:heads]


class Recurrent:
    """The recurrent form: samples are shared by threads.

    Parameters
    ----------
    settings : of clips and grids.
    used : the numbers of the model.
    grid : (heads, 2, 4), step, 1 / step, least and most code of real and imaginary parts.
    bounds : (heads, 4), states within which gradients pass.
    """

    def __init__(
        self, settings: Any, used: Numbers, grid: Array, bounds: Array, dtype: Any, threads: int
    ) -> None:
        pole, gain, output, skip = used
        parts = [part for each in (pole, gain, output) for part in (each.real, each.imag)]
        self.numbers = in_lanes(np.stack(parts, axis=-1), dtype)  # (blocks, modes, 6, LANES)
        self.skip, self.grid = in_lanes(skip, dtype), in_lanes(grid, dtype)
        self.bounds, self.settings = in_lanes(bounds, dtype), settings
        self.heads, self.dtype, self.threads = len(pole), dtype, threads

    def _of(self, block: int) -> tuple[Array, Array, Array, Array]:
        return self.numbers[block], self.skip[block], self.grid[block], self.bounds[block]

    def rest(self, batch: int) -> Array:
        """Return states before the first step."""
        blocks, modes = self.numbers.shape[:2]
        return np.zeros((blocks, batch, modes, 2, LANES), self.dtype)

    def forward(self, u: Array, state: Array, y: Array, *, keep: bool) -> Array | None:
        """Fill `y`, move `state` to the end, and return the states before each segment."""
        segment = max(1, math.isqrt(len(u)))
        n_kept = -(-len(u) // segment)
        blocks, batch = state.shape[:2]
        kept = np.empty((blocks, batch, n_kept, *state.shape[2:]), self.dtype) if keep else None

        def some(piece: int, low: int, high: int) -> None:
            for block in range(blocks):
                keeps = None if kept is None else kept[block]
                s4d_loops.forward(
                    self.settings, u, *self._of(block), state[block], keeps, y, block, segment, low, high
                )

        share(some, of_threads(batch, self.threads), self.threads)
        return kept

    def backward(self, u: Array, kept: Array, dy: Array, du: Array) -> tuple[Array, ...]:
        """Fill `du` and return the gradients of the numbers, complex (heads, modes) and (heads,)."""
        segment = max(1, math.isqrt(len(u)))
        blocks, batch, modes = kept.shape[0], kept.shape[1], kept.shape[3]
        by_numbers = np.empty((blocks, batch, modes, 6, LANES), self.dtype)
        by_skip = np.empty((blocks, batch, LANES), self.dtype)

        def some(piece: int, low: int, high: int) -> None:
            room = np.empty((segment + 2, modes, 2, LANES), self.dtype)
            for block in range(blocks):
                s4d_loops.backward(
                    self.settings,
                    u,
                    *self._of(block),
                    kept[block],
                    dy,
                    by_numbers[block],
                    by_skip[block],
                    du,
                    room,
                    block,
                    segment,
                    low,
                    high,
                )

        share(some, of_threads(batch, self.threads), self.threads)
        summed = out_of_lanes(by_numbers.sum(axis=1, dtype=np.float64), self.heads)
        pairs = [summed[..., k] + 1j * summed[..., k + 1] for k in (0, 2, 4)]
        return (*pairs, out_of_lanes(by_skip.sum(axis=1, dtype=np.float64), self.heads))

    def ranges(self, inputs: Sequence[Array], quantization: StateSpaceQuantization) -> Grid:
        """Return the grids (heads, 2) of the states that inputs lead to, block by block."""
        grids = []
        for block in range(len(self.numbers)):
            heads = min(LANES, self.heads - block * LANES)
            seen = []
            for u in inputs:
                state = self.rest(u.shape[1])[block]
                longer = np.concatenate(
                    (u, np.zeros_like(u[:1]))
                )  # the states before its steps are all of them
                kept = np.empty((state.shape[0], len(longer), *state.shape[1:]), self.dtype)
                y = np.empty_like(longer)
                s4d_loops.forward(
                    self.settings, longer, *self._of(block), state, kept, y, block, 1, 0, u.shape[1]
                )
                each = np.moveaxis(kept[:, 1:], -1, 0)[:heads]  # (heads, batch, steps, modes, 2)
                seen.append(each.reshape(heads, -1, 2))
            grids.append(quantization.state_grid(np.concatenate(seen, axis=1)))
        parts = [
            np.concatenate([getattr(grid, name) for grid in grids]) for name in ("step", "least", "most")
        ]
        return Grid(*parts)


class Convolution:
    """The convolution form for `steps` steps: blocks of heads are shared by threads."""

    def __init__(self, used: Numbers, dtype: Any, threads: int, steps: int) -> None:
        pole, gain, output, skip = used
        self.gain, self.output, self.heads = gain, output, len(pole)
        self.dtype, self.threads = dtype, threads
        self.pole = in_lanes(np.stack((pole.real, pole.imag), axis=-1), np.float64)
        factor = output * gain
        self.factor = in_lanes(np.stack((factor.real, factor.imag), axis=-1), np.float64)
        self.skip = in_lanes(skip, dtype)
        size = max(4, 1 << (2 * steps - 1).bit_length())
        turn = -2j * np.pi * np.arange(size) / size
        self.turns = np.stack((np.exp(turn).real, np.exp(turn).imag), axis=-1).astype(dtype)
        kernels = np.empty((len(self.pole), steps, LANES))
        for block, out in enumerate(kernels):
            s4d_convolution_loops.kernel(
                self.pole[block], self.factor[block], out, np.empty_like(self.pole[block])
            )
        self.kernels = kernels.astype(dtype)

    def _share(self, work: Any) -> None:
        share(work, list(range(len(self.pole) + 1)), self.threads)

    def forward(self, u: Array, y: Array) -> None:
        """Fill `y`."""

        def some(block: int, low: int, high: int) -> None:
            room = np.empty((2 * len(self.turns), 2, LANES), self.dtype)
            s4d_convolution_loops.convolve(
                u, self.kernels[block], self.skip[block], self.turns, y, room, block
            )

        self._share(some)

    def backward(self, u: Array, dy: Array, du: Array) -> tuple[Array, ...]:
        """Fill `du` and return the gradients of the numbers, complex (heads, modes) and (heads,)."""
        by_factor, by_pole = np.empty_like(self.pole), np.empty_like(self.pole)
        by_skip = np.empty((len(self.pole), LANES), self.dtype)

        def some(block: int, low: int, high: int) -> None:
            room = np.empty((4 * len(self.turns), 2, LANES), self.dtype)
            by_kernel = np.empty_like(self.kernels[block])
            s4d_convolution_loops.convolve_back(
                u,
                self.kernels[block],
                self.skip[block],
                self.turns,
                dy,
                du,
                by_kernel,
                by_skip[block],
                room,
                block,
            )
            powers = np.empty((2 * self.pole.shape[1], 2, LANES))
            s4d_convolution_loops.kernel_back(
                self.pole[block], by_kernel.astype(np.float64), by_factor[block], by_pole[block], powers
            )

        self._share(some)
        found = [out_of_lanes(each, self.heads) for each in (by_factor, by_pole)]
        to_factor, to_pole = (2 * (each[..., 0] - 1j * each[..., 1]) for each in found)  # conjugated
        to_pole = to_pole * np.conj(self.output * self.gain)
        skips = out_of_lanes(by_skip, self.heads).astype(np.float64)
        return to_pole, to_factor * np.conj(self.output), to_factor * np.conj(self.gain), skips


def scan(used: Numbers, u: Array) -> Array:
    """Return the outputs by a scan of the associative operator, sample by sample, in double precision."""
    pole, gain, output, skip = used
    y = np.empty(u.shape)
    for sample in range(u.shape[1]):
        a = np.broadcast_to(pole, (len(u), *pole.shape)).copy()
        b = gain * u[:, sample, :, None].astype(np.float64)
        reach = 1
        while reach < len(u):
            b[reach:] = a[reach:] * b[:-reach] + b[reach:]
            a[reach:] = a[reach:] * a[:-reach]
            reach *= 2
        y[:, sample] = 2 * (output * b).sum(axis=-1).real + skip * u[:, sample]
    return y
