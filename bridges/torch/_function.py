"""The autograd function of `EventLayer`: spikes forward, EventProp (the adjoint pass) backward.

`SpikeGradient` keeps its parameters in float64 arrays of its own. Each pass copies its tensors into these
arrays, one memory copy. So a layer accepts any tensors: parameters that an optimiser changes in place,
parametrized ones, those of `functional_call`, float32. torch saves the tensors for the backward pass, and
notices changes in place.
"""

import itertools
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

import torch
from eventsim.models.gradients.forward_pass import ForwardPass
from eventsim.models.gradients.spike_gradient import SpikeGradient
from eventsim.network import Network
from torch import Tensor

__all__ = ["Pass", "Source", "TensorGradient", "spikes"]

Floats = NDArray[np.float64]

ALL = "all"  # as many spikes as the unit with most


class TensorGradient:
    """A SpikeGradient that reads its parameters from tensors; one pass at a time."""

    def __init__(self, net: Network, constants: bool, options: dict[str, Any]) -> None:
        self.gradient = SpikeGradient(net, time_constants=constants, **options)
        self._lock, self._process = threading.Lock(), os.getpid()
        self.keys = [key.split("/", 1) for key in self.gradient.parameters]
        self._arrays = [torch.from_numpy(array) for array in self.gradient.parameters.values()]
        self._shapes = [array.shape for array in self._arrays]
        self._numbers = itertools.count(1)
        self._held = 0  # the pass whose parameters the arrays hold

    @property
    def lock(self) -> threading.Lock:
        """Held during a pass; a forked process has one of its own, since the copy may be held for ever."""
        if self._process != os.getpid():
            self._lock, self._process = threading.Lock(), os.getpid()
        return self._lock

    def take(self, tensors: Sequence[Tensor], number: int = 0) -> int:
        """Copy the parameters of a pass into the arrays unless they hold them.

        Return the number of the pass.
        """
        if number and number == self._held:
            return number
        self._held = 0
        for (kind, name), shape, tensor in zip(self.keys, self._shapes, tensors, strict=True):
            if tensor.shape != shape:
                raise ValueError(
                    f"{kind} of {name!r} has shape {tuple(tensor.shape)}, expected {tuple(shape)}"
                )
        with torch.no_grad():
            torch._foreach_copy_(self._arrays, list(tensors))
        self._held = number or next(self._numbers)
        return self._held


@dataclass(slots=True)
class Source:
    """The input spikes of one source: first spikes (n_samples, n), several (n_samples, n, k), or listed."""

    name: str
    n: int
    shapes: list[torch.Size]  # of the tensors
    units: list[Any] | None = None  # of listed spikes, sample by sample

    @property
    def n_samples(self) -> int:
        """How many samples there are."""
        return len(self.units) if self.units is not None else self.shapes[0][0]

    def spikes(self, tensors: Sequence[Tensor]) -> Any:
        """Return what `SpikeGradient.forward` takes."""
        if self.units is not None:
            return [(as_array(t), units) for t, units in zip(tensors, self.units, strict=True)]
        times = as_array(tensors[0])
        if times.ndim == 2:
            return times
        units = np.repeat(np.arange(self.n), times.shape[2])
        return [(row.reshape(-1), units) for row in times]

    def gradients(self, found: Any) -> list[Floats]:
        """Return the derivatives in each tensor."""
        if self.units is not None:
            return [row.reshape(shape) for row, shape in zip(found, self.shapes, strict=True)]
        return [np.reshape(found, self.shapes[0])]


@dataclass(slots=True)
class Pass:
    """One forward pass: what it computes, and what its backward pass needs.

    The tensors of the autograd function are the parameters at the places `learned` and then the input times.
    """

    tensor_gradient: TensorGradient
    fixed: list[Tensor | None]  # parameters, None at the places of those that are learned
    learned: list[int]
    sources: list[Source]
    outputs: Sequence[str]
    until: float
    n_spikes: int | str | None
    readouts: set[str]  # outputs that do not spike
    dtype: torch.dtype
    number: int = 0
    run: ForwardPass | None = None
    there: list[NDArray[np.bool_]] = field(default_factory=list)  # by output, where there are spikes
    places: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # where each spike went, or -1

    def forward(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """Return the spike times of each output."""
        inputs, first = {}, len(self.learned)
        for source in self.sources:
            end = first + len(source.shapes)
            inputs[source.name] = source.spikes(tensors[first:end])
            first = end
        with self.tensor_gradient.lock:
            self.number = self.tensor_gradient.take(self._all(tensors))
            self.run = self.tensor_gradient.gradient.forward(inputs, self.until)
        found = []
        for name in self.outputs:
            if name in self.readouts:
                values = self.run.maxima(name)[0]
            else:
                values = self.run.first_spikes(name) if self.n_spikes is None else self._several(name)
            self.there.append(values < np.inf)
            found.append(_of_type(torch.from_numpy(values), self.dtype))
        return found

    def backward(
        self, learned: Sequence[Any], errors: Sequence[Tensor | None], types: Sequence[torch.dtype | None]
    ) -> list[Tensor | None]:
        """Return the derivatives in all tensors, in these types; None where the type is None."""
        assert self.run is not None
        given: dict[str, Any] = {}
        for k, (name, error) in enumerate(zip(self.outputs, errors, strict=True)):
            if error is not None:
                # A loss of inf has the derivative nan; a spike that never came has none.
                known = np.where(self.there[k], as_array(error), 0.0)
                given[name] = self._listed(name, known) if name in self.places else known
        keys = [self.tensor_gradient.keys[k] for k in self.learned]
        n = len(keys)
        wanted = [f"{kind}/{name}" for (kind, name), dtype in zip(keys, types, strict=False) if dtype]
        times = any(types[n:])
        with self.tensor_gradient.lock:
            self.tensor_gradient.take(self._all(learned), self.number)
            gradient = self.tensor_gradient.gradient.backward(
                self.run, given, [*wanted, "times"] if times else wanted
            )
        arrays: list[Floats | None] = [
            getattr(gradient, kind)[name] if dtype else None
            for (kind, name), dtype in zip(keys, types, strict=False)
        ]
        for source in self.sources:
            arrays += source.gradients(gradient.times[source.name]) if times else [None] * len(source.shapes)
        return [
            None if a is None or dtype is None else _of_type(torch.from_numpy(a), dtype)
            for a, dtype in zip(arrays, types, strict=True)
        ]

    def _all(self, learned: Sequence[Tensor]) -> list[Tensor]:
        """Return all parameters, with these learned ones."""
        found: list[Any] = list(self.fixed)
        for place, tensor in zip(self.learned, learned, strict=False):  # input times may follow
            found[place] = tensor
        return found

    def _several(self, name: str) -> Floats:
        """Return the first spikes of each unit, (n_samples, n, n_spikes), `inf` where there are no more."""
        assert self.run is not None
        counts = self.run.counts(name)
        n = counts.shape[1]
        most = int(counts.max(initial=0)) if self.n_spikes == ALL else int(self.n_spikes or 0)
        spikes = [self.run.spikes(name, sample) for sample in range(len(self.run))]
        units = np.concatenate([s.units + sample * n for sample, s in enumerate(spikes)])
        times = np.concatenate([s.times for s in spikes])
        order = units.argsort(kind="stable")
        each = counts.reshape(-1)
        rank = np.empty(len(units), np.int64)
        rank[order] = np.arange(len(units)) - np.repeat(each.cumsum() - each, each)
        place = np.where(rank < most, units * most + rank, -1)
        padded = np.full(counts.size * most, np.inf)
        padded[place[place >= 0]] = times[place >= 0]
        self.places[name] = place
        return padded.reshape(*counts.shape, most)

    def _listed(self, name: str, errors: Floats) -> list[Floats]:
        """Return the errors of each sample's spikes, in the order of the run."""
        assert self.run is not None
        place = self.places[name]
        each = np.zeros(len(place))
        kept = place >= 0
        each[kept] = errors.reshape(-1)[place[kept]]
        ends = self.run.counts(name).sum(axis=1).cumsum()
        return np.split(each, ends[:-1])


class Spikes(torch.autograd.Function):
    """Spike times of a pass, as a function of parameters and input times."""

    @staticmethod
    def forward(one: Pass, *tensors: Tensor) -> tuple[Tensor, ...]:
        """Return the spike times of each output."""
        return tuple(one.forward(tensors))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Keep what the backward pass needs."""
        one, *tensors = inputs
        ctx.one = one
        ctx.dtypes = [tensor.dtype for tensor in tensors]
        ctx.set_materialize_grads(False)
        # EventProp needs no input times, but a second derivative in them must be noticed.
        times = zip(tensors, ctx.needs_input_grad[1:], strict=True)
        kept = [t for k, (t, want) in enumerate(times) if want or k < len(one.learned)]
        ctx.n_kept = len(kept)
        ctx.save_for_backward(*kept)

    @staticmethod
    def backward(ctx: Any, *errors: Tensor | None) -> tuple[Tensor | None, ...]:
        """Return the derivatives in each tensor."""
        types = [t if want else None for t, want in zip(ctx.dtypes, ctx.needs_input_grad[1:], strict=True)]
        if torch.is_grad_enabled():
            return None, *Derivatives.apply(ctx.one, ctx.n_kept, types, *ctx.saved_tensors, *errors)
        return None, *ctx.one.backward(ctx.saved_tensors, errors, types)


class Derivatives(torch.autograd.Function):
    """The backward pass of `Spikes` where derivatives are part of a graph themselves, as in `torch.func`."""

    @staticmethod
    def forward(
        one: Pass, n_kept: int, types: list[torch.dtype | None], *tensors: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        """Return the derivatives in the given types, None for None."""
        return tuple(one.backward(tensors[:n_kept], tensors[n_kept:], types))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor | None, ...]) -> None:
        """Nothing is kept."""

    @staticmethod
    def backward(ctx: Any, *errors: Tensor) -> tuple[None, ...]:
        """Refuse second derivatives."""
        raise RuntimeError("EventLayer has first derivatives only, no second ones")


class PlainSpikes(torch.autograd.Function):
    """`Spikes` for calls outside of `torch.func`, in the older form, which torch calls in less time."""

    @staticmethod
    def forward(ctx: Any, *inputs: Any) -> tuple[Tensor, ...]:
        """Return the spike times of each output."""
        output = Spikes.forward(*inputs)
        Spikes.setup_context(ctx, inputs, output)
        return output

    backward = Spikes.backward


_transforms_active = getattr(torch._C, "_are_functorch_transforms_active", lambda: True)


def spikes(one: Pass, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return the spike times of each output of a pass, differentiable in these tensors."""
    found: tuple[Tensor, ...] = (Spikes if _transforms_active() else PlainSpikes).apply(one, *tensors)
    return found


def as_array(tensor: Tensor) -> Floats:
    """Return a tensor as a float64 array, which shares its memory if it can."""
    array: Floats = _of_type(tensor.detach(), torch.float64).numpy()
    return array


def _of_type(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a tensor of another type; `to` takes its time even if there is nothing to do."""
    return tensor if tensor.dtype == dtype else tensor.to(dtype)
