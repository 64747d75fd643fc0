"""What a layer is: a forward pass with a tape, a backward pass that fills gradients, a step of a stream.

    y = forward(x)            x (time, batch, n_in) -> y (time, batch, n_out)
    dx = backward(dy)         dL/dy -> dL/dx; dL/dp in `gradients`
    y_t, state = step(x_t, state)      the same map, one time step at a time

A layer is settings until `build` gives it arrays. `parameters` are trained in place; `buffers` are kept with
them but not trained. Gradients are sums over time and batch.
"""

from __future__ import annotations

import copy
import math
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["Array", "Layer", "Memory", "State"]

Array = NDArray[Any]  # float32 or float64
State = dict[str, Any]

LINE = (
    64  # bytes of a line of the caches, at whose borders arrays begin: vectors that lie in two lines are slow
)


class Memory(NamedTuple):
    """What a part of a layer takes: numbers, and bits of all of them together."""

    numbers: int
    bits: int


class Layer:
    """A layer. A subclass overrides `build`, `forward`, `backward`; with a state also `init_state`, `step`.

    Attributes
    ----------
    parameters, gradients : dict of str to ndarray
        What is trained, and dL/dparameter after `backward`: same names, shapes and dtype.
    buffers : dict of str to ndarray
        What is saved with the parameters and not trained.
    n_in, n_out : int
        Channels; 0 before `build`.
    dtype : dtype
        float32 or float64.
    threads : int
        Threads that share a batch. Results do not depend on it.
    counting : bool
        Whether the next forward pass is reported, so that a layer may count meanwhile what `report` tells.
    """

    counting = False

    def __init__(self) -> None:
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}
        self.buffers: dict[str, Array] = {}
        self.n_in = self.n_out = 0
        self.dtype: np.dtype[Any] = np.dtype(np.float32)
        self.threads = 1
        self._tape: Any = None
        self._room: dict[str, Array] = {}

    # ------------------------------------------------------------------ arrays

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Make the arrays for `n_in` channels, and return the number of channels that come out.

        Raises
        ------
        ValueError
            If the dtype is neither float32 nor float64, or settings do not fit the number of channels.
        """
        dtype = np.dtype(dtype)
        if dtype not in (np.float32, np.float64):
            raise ValueError(f"dtype must be float32 or float64, got {dtype}")
        if n_in < 1:
            raise ValueError(f"a layer needs at least 1 channel, got {n_in!r}")
        self.n_in, self.n_out, self.dtype = n_in, n_in, dtype
        self.parameters, self.gradients, self.buffers, self._tape = {}, {}, {}, None
        return n_in

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the output of a batch of sequences that begin at rest.

        Parameters
        ----------
        x : ndarray, shape (time, batch, n_in)
            C-contiguous, of the dtype of the layer.
        training : bool
            Whether dropout drops and normalisation takes the statistics of the batch.
        lengths : ndarray of int, shape (batch,), optional
            Steps of each sequence; later ones are padding and stay out of statistics.
        rng : Generator, optional
            For what is drawn in training.
        """
        raise NotImplementedError

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Return dL/dx of the last forward pass, and fill `gradients`.

        It uses the tape up: the next backward pass needs another forward pass. With
        ``input_gradient=False`` a layer may return None in place of dL/dx.
        """
        raise NotImplementedError

    # ------------------------------------------------------------------ streams

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the arrays of a stream's state."""
        return tuple(self.init_state(1))

    def init_state(self, batch: int) -> State:
        """Return the state before the first step."""
        return {}

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return the output (batch, n_out) of one step, and the new state."""
        return self.forward(x_t[None])[0], state

    # ------------------------------------------------------------------ few bits

    # Whether rounding after training puts quantisers before it, not where inputs are summed; and behind it,
    # not where outputs are spikes or on a grid already.
    rounded_before = True
    rounded_after = True

    def rounded(self, plan: Any) -> Layer:
        """Return a copy with weights and states rounded as a `RoundingPlan` says; it needs a calibration.

        Raises
        ------
        ValueError
            If the layer has parameters and no such form.
        """
        if self.parameters:
            raise ValueError(f"{type(self).__name__} has no form with rounded weights")
        return copy.deepcopy(self)

    def memory(self) -> tuple[Memory, Memory, Memory]:
        """Return numbers and bits of parameters, buffers and the state of one stream, without counters."""
        groups = self.parameters.values(), self.buffers.values(), arrays_of(self.init_state(1))
        each = [list(group) for group in groups]
        parameters, buffers, state = (
            Memory(sum(array.size for array in group), 8 * sum(array.nbytes for array in group))
            for group in each
        )
        return parameters, buffers, state

    # ------------------------------------------------------------------ files

    def state_dict(self) -> dict[str, Array]:
        """Return copies of parameters and buffers."""
        return {name: array.copy() for name, array in (self.parameters | self.buffers).items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over what `state_dict` returned, in place.

        Raises
        ------
        ValueError
            If a name is missing or unknown, a shape differs, or a layer cannot have such values.
        """
        own = self.parameters | self.buffers
        if set(own) != set(state):
            raise ValueError(
                f"expected arrays {', '.join(sorted(own))}, got {', '.join(sorted(state)) or 'none'}"
            )
        for name, array in own.items():
            if np.shape(state[name]) != array.shape:
                raise ValueError(
                    f"{name} must have shape {array.shape}, got {np.shape(state[name])} from the saved state"
                )
        self.check_values(state)
        for name, array in own.items():
            array[...] = state[name]

    def check_values(self, state: Mapping[str, Any]) -> None:
        """Refuse values that no array of this layer may have, by the names of `state_dict`; none here.

        Raises
        ------
        ValueError
        """

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy has: all but the tape and the room of the last pass."""
        return self.__dict__ | {"_tape": None, "_room": {}}

    # ------------------------------------------------------------------ benchmarks

    def connections(self) -> dict[str, Connection]:
        """Return the maps with weights, as NeuroBench counts them, named as their parameters; none here."""
        return {}

    def report(self, workload: Workload, place: str, x: Array, y: Array) -> None:
        """Report what the last forward pass did, from `x` to `y`: nothing that NeuroBench counts, here.

        Parameters
        ----------
        workload : Workload
        place : str
            Of the layer in the whole, as in "weight/PLACE".
        x, y : ndarray, shapes (time, batch, n_in) and (time, batch, n_out)
            Each step is a call of its own.
        """

    # ------------------------------------------------------------------ for subclasses

    def _checked(self, x: Array) -> Array:
        """Return `x` as the kernels read it."""
        if self.n_in == 0:
            raise RuntimeError(f"{type(self).__name__} has no arrays yet: call build(n_in, rng) first")
        if x.ndim != 3 or x.shape[2] != self.n_in:
            raise ValueError(
                f"{type(self).__name__} expects an array (time, batch, {self.n_in}), got shape {x.shape}"
            )
        return np.ascontiguousarray(x, self.dtype)

    def _taken(self, dy: Array) -> tuple[Any, Array]:
        """Return the tape, which is gone then, and `dy` as the kernels read it."""
        tape, self._tape = self._tape, None
        if tape is None:
            raise RuntimeError(f"backward of {type(self).__name__} needs a forward pass before it")
        return tape, np.ascontiguousarray(dy, self.dtype)

    def _empty(self, name: str, shape: tuple[int, ...], dtype: DTypeLike | None = None) -> Array:
        """Return an array with undefined values: the one of the last call if nobody else holds it any more.

        The pages of a new array cost as much time as a pass over it.
        """
        wanted = np.dtype(dtype or self.dtype)
        size = math.prod(shape) * wanted.itemsize
        room = self._room.pop(name, None)
        # Held here by `room` and by the argument of getrefcount, and by nobody else.
        if room is None or len(room) < size + LINE or sys.getrefcount(room) > 2:
            room = np.empty(size + LINE, np.uint8)
        self._room[name] = room
        first = -room.ctypes.data % LINE
        return room[first : first + size].view(wanted).reshape(shape)


def arrays_of(state: Any) -> Iterator[Array]:
    """Yield the arrays of a state."""
    if isinstance(state, np.ndarray):
        yield state
    elif isinstance(state, dict):
        for each in state.values():
            yield from arrays_of(each)
