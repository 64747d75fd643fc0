"""Layers for sequences as torch modules: forward and backward passes are those of `eventsim.models.layers`.

Tensors are (time, batch, channel), on the processor, float32 or float64. Parameters share memory with the
layer, so a model that torch has trained runs in eventsim as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

import eventsim as es
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = [
    "GELU",
    "GLU",
    "LIF",
    "S4D",
    "BatchNorm",
    "DelayConv",
    "Dropout",
    "FakeQuantize",
    "LayerModule",
    "LayerNorm",
    "LeakyReadout",
    "Linear",
    "MinGRU",
    "Residual",
    "TemporalConv",
    "from_layers",
    "layer_state",
    "to_layers",
    "torch_state",
]

layers = es.models.layers


class _Pass(torch.autograd.Function):
    """One forward pass of a layer; it keeps the tape, so that a module may be used several times."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, module: LayerModule, options: dict[str, Any], *parameters: Tensor
    ) -> Tensor:
        ctx.module, ctx.options = module, options
        y = _run(module.layer, x, options)
        ctx.tape, module.layer._tape = module.layer._tape, None
        ctx.save_for_backward(x, *parameters)  # torch notices when they are changed before the backward pass
        return torch.from_numpy(y)

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, dy: Tensor) -> tuple[Any, ...]:
        layer, x = ctx.module.layer, ctx.saved_tensors[0]
        if ctx.tape is None:  # a backward pass uses it up, and this is another one
            kept = {name: array.copy() for name, array in layer.buffers.items()}
            _run(layer, x, ctx.options)
            for name, array in kept.items():
                layer.buffers[name][...] = array
            ctx.tape = layer._tape
        layer._tape, ctx.tape = ctx.tape, None
        dx = layer.backward(dy.detach().numpy(), input_gradient=ctx.needs_input_grad[0])
        gradients = [torch.from_numpy(np.array(layer.gradients[name])) for name in ctx.module.names]
        return None if dx is None else torch.from_numpy(dx), None, None, *gradients


def _run(layer: es.models.layers.Layer, x: Tensor, options: dict[str, Any]) -> Any:
    """Return the output of a layer; the same seed draws the same."""
    seed = options["seed"]
    rng = None if seed is None else np.random.default_rng(seed)
    return layer.forward(
        x.detach().numpy(), training=options["training"], lengths=options["lengths"], rng=rng
    )


class LayerModule(torch.nn.Module):
    """A layer of `eventsim.models.layers` as a module.

    Parameters
    ----------
    layer : Layer
        A layer that is not a `Sequential`; it is copied. If it has no arrays yet they are made.
    n_in : int, optional
        Channels, for a layer without arrays.
    dtype : torch.dtype
        Of a layer without arrays.

    Raises
    ------
    TypeError
        If it is no single layer.
    ValueError
        If it has no arrays and `n_in` is not given.
    """

    def __init__(
        self, layer: es.models.layers.Layer, n_in: int | None = None, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        if not isinstance(layer, layers.Layer) or isinstance(layer, layers.Sequential):
            raise TypeError(f"a module holds one layer, got {layer!r:.60}; from_layers takes a Sequential")
        layer._tape = None
        self.layer = copy.deepcopy(layer)
        if self.layer.n_in == 0:
            if n_in is None:
                raise ValueError("a layer without arrays needs n_in, the number of channels")
            seed = int(torch.randint(2**62, ()))
            self.layer.build(n_in, np.random.default_rng(seed), str(dtype).removeprefix("torch."))
        self.names = list(self.layer.parameters)
        for name, array in self.layer.parameters.items():
            self.register_parameter(name, torch.nn.Parameter(torch.from_numpy(array)))
        for name, array in self.layer.buffers.items():
            self.register_buffer(name, torch.from_numpy(array))

    def share(self) -> None:
        """Let the layer use the memory of the tensors, wherever they are now."""
        for arrays in (self.layer.parameters, self.layer.buffers):
            for name in arrays:
                arrays[name] = getattr(self, name).detach().numpy()
                self.layer.dtype = arrays[name].dtype

    def forward(self, x: Tensor, lengths: Any = None) -> Tensor:
        """Return the output (time, batch, n_out) of sequences (time, batch, n_in), some of them padded."""
        self.share()
        if not (self.layer.parameters or self.layer.buffers):
            self.layer.dtype = x.detach().numpy().dtype
        options = {
            "training": self.training,
            "lengths": None if lengths is None else np.asarray(lengths),
            "seed": int(torch.randint(2**62, ())) if self.training else None,
        }
        return _Pass.apply(x, self, options, *(getattr(self, name) for name in self.names))

    def extra_repr(self) -> str:
        """Return what is printed of the module."""
        return f"{type(self.layer).__name__}: {self.layer.n_in} -> {self.layer.n_out}"


class _OfKind(LayerModule):
    """A module that makes its layer itself."""

    kind: ClassVar[type[es.models.layers.Layer]]

    def __init__(self, n_in: int, *settings: Any, dtype: torch.dtype = torch.float32, **named: Any) -> None:
        super().__init__(self.kind(*settings, **named), n_in, dtype)


def _module(kind: type[es.models.layers.Layer]) -> type[_OfKind]:
    """Return the module of a kind of layer: ``LIF(n_in, ...)`` with the settings of the layer."""
    about = f"""`eventsim.models.layers.{kind.__name__}` as a module.

    Parameters
    ----------
    n_in : int
        Channels.
    dtype : torch.dtype
    *settings, **named
        Those of the layer.
    """
    body = {"kind": kind, "__doc__": about, "__module__": __name__}
    return type(kind.__name__, (_OfKind,), body)


BatchNorm = _module(layers.BatchNorm)
DelayConv = _module(layers.DelayConv)
Dropout = _module(layers.Dropout)
FakeQuantize = _module(layers.FakeQuantize)
GELU = _module(layers.GELU)
GLU = _module(layers.GLU)
LayerNorm = _module(layers.LayerNorm)
LeakyReadout = _module(layers.LeakyReadout)
LIF = _module(layers.LIF)
Linear = _module(layers.Linear)
MinGRU = _module(layers.MinGRU)
S4D = _module(layers.S4D)
TemporalConv = _module(layers.TemporalConv)


class Residual(torch.nn.Sequential):
    """Modules around which their input is added to their output."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x + f(x)``."""
        return x + super().forward(x)


def from_layers(model: es.models.layers.Sequential) -> torch.nn.Sequential:
    """Return layers that are built as torch modules, with their present parameters."""
    made: Sequence[Any] = [
        from_layers(layer) if isinstance(layer, layers.Sequential) else LayerModule(layer)
        for layer in model.layers
    ]
    return (Residual if isinstance(model, layers.Residual) else torch.nn.Sequential)(*made)


def to_layers(module: torch.nn.Sequential, threads: int = 1) -> es.models.layers.Sequential:
    """Return torch modules as layers that are built, with copies of their parameters.

    Raises
    ------
    TypeError
        If a module is none of this package.
    """
    made: list[Any] = []
    for each in module:
        if isinstance(each, LayerModule):
            each.share()
            made.append(copy.deepcopy(each.layer))
        elif isinstance(each, torch.nn.Sequential):
            made.append(to_layers(each, threads))
        else:
            raise TypeError(f"modules must be those of eventsim.torch, got {type(each).__name__}")
    kind = layers.Residual if isinstance(module, Residual) else layers.Sequential
    model: es.models.layers.Sequential = kind(made, threads=threads)
    model.adopt()
    return model


def torch_state(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """Return a state of layers under the names that torch has: "weight/2/0" becomes "2.0.weight"."""
    named = {}
    for name, array in state.items():
        kind, _, place = name.partition("/")
        named[f"{place.replace('/', '.')}.{kind}"] = torch.from_numpy(np.array(array))
    return named


def layer_state(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return a state of torch modules under the names that layers have: "2.0.weight" becomes "weight/2/0"."""
    named = {}
    for name, tensor in state.items():
        place, _, kind = name.rpartition(".")
        named[f"{kind}/{place.replace('.', '/')}"] = tensor.detach().numpy().copy()
    return named
