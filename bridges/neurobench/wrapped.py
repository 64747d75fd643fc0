"""A model that reports itself, as the package wants one: a torch module whose layers can be hooked.

The model infers with its own code. What it reports is then shown to modules that stand for its layers, call
by call: the hooks of the package see inputs, activations and membranes and count them with its own code. The
weights of these modules are those that the model uses; parameters and buffers belong to the whole, each once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import snntorch
import torch
from torch import Tensor, nn

from eventsim.io.neurobench import Cell, Convolution, Dense, Model
from neurobench.models import NeuroBenchModel

__all__ = ["WrappedModel"]


class _Map(nn.Linear):
    """Stands for a linear map; its weights are no parameters of it."""

    def __init__(self, weight: Any) -> None:
        n_in, n_out = weight.shape
        super().__init__(n_in, n_out, bias=False)
        _exchange(self, weight.T)


class _CausalConv(nn.Conv1d):
    """Stands for a causal convolution over time."""

    def __init__(self, convolution: Convolution) -> None:
        n_out, n_group, width = convolution.weight.shape
        dilation = int(convolution.dilation[0])
        before, after = convolution.padding[0]
        if after or before != dilation * (width - 1) or convolution.stride[0] != 1:
            raise TypeError("only causal convolutions over time can be shown to the package")
        super().__init__(
            n_group * convolution.groups,
            n_out,
            width,
            padding=before,
            dilation=dilation,
            groups=convolution.groups,
            bias=False,
        )
        _exchange(self, convolution.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs of the steps of `x`, without those that see its end only."""
        y: Tensor = super().forward(x)
        return y[..., : x.shape[-1]]


class _Conv2d(nn.Conv2d):
    """Stands for a convolution over images."""

    def __init__(self, convolution: Convolution) -> None:
        n_out, n_group, *kernel = convolution.weight.shape
        if any(before != after for before, after in convolution.padding):
            raise TypeError("only padding that is equal on both sides can be shown to the package")
        super().__init__(
            n_group * convolution.groups,
            n_out,
            tuple(kernel),
            stride=tuple(convolution.stride),
            padding=tuple(before for before, _ in convolution.padding),
            dilation=tuple(convolution.dilation),
            groups=convolution.groups,
            bias=False,
        )
        _exchange(self, convolution.weight)


def _exchange(module: nn.Module, weight: Any) -> None:
    del module._parameters["weight"]
    module.weight = torch.from_numpy(np.ascontiguousarray(weight))


class _ReLU(nn.ReLU):
    def forward(self, y: Tensor) -> Tensor:
        return y


class _Sigmoid(nn.Sigmoid):
    def forward(self, y: Tensor) -> Tensor:
        return y


class Leaky(snntorch.Leaky):
    """Stands for spiking units; the package finds the cost of an update by the name of the class."""

    def __init__(self, reset: str = "subtract") -> None:
        super().__init__(beta=0.5, reset_mechanism=reset)
        self._buffers.clear()
        self.mem = torch.zeros(0)

    def forward(self, spikes: Tensor, membrane: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the model computed."""
        self.mem = membrane
        return spikes, membrane


ACTIVATIONS = {"relu": _ReLU, "sigmoid": _Sigmoid, "spike": Leaky}


class _Net(nn.Module):
    """The layers of a model by the names that it reports, and its parameters and buffers."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        for arrays, register in (
            (model.parameters, self._add_parameter),
            (model.buffers, self.register_buffer),
        ):
            known: set[int] = set()
            for name, array in arrays.items():
                if id(array) not in known:
                    known.add(id(array))
                    register(f"{name} array".replace(".", "_"), torch.from_numpy(np.array(array)))
        self.layers: dict[str, nn.Module] = {}
        for name, connection in model.connections.items():
            self.layers[name] = _module(name, connection)
            self.add_module(f"{name} connection".replace(".", "_"), self.layers[name])

    def _add_parameter(self, name: str, value: Tensor) -> None:
        self.register_parameter(name, nn.Parameter(value, requires_grad=False))

    def activation(self, name: str, kind: str, reset: str = "subtract") -> nn.Module:
        """Return what stands for an activation."""
        if name not in self._modules:
            self.add_module(name, ACTIVATIONS[kind](reset) if kind == "spike" else ACTIVATIONS[kind]())
        module = self._modules[name]
        assert module is not None
        return module


def _module(name: str, connection: Any) -> nn.Module:
    if isinstance(connection, Convolution):
        return _CausalConv(connection) if connection.weight.ndim == 3 else _Conv2d(connection)
    if type(connection) is Dense:
        return _Map(connection.weight)
    kind = "cell" if isinstance(connection, Cell) else "projection of events"
    raise TypeError(f"connection {name!r} is a {kind}, which has no calls that the package could hook")


class _Shown:
    """Shows the modules of a net what a model reports; takes the place of a `Workload`."""

    def __init__(self, net: _Net) -> None:
        self.net = net
        self.spikes: dict[str, Any] = {}

    def connection(self, name: str, x: Any) -> None:
        """Call a map or convolution with every call's input (calls, samples, *features)."""
        for call in _tensor(x):
            self.net.layers[name](call)

    def sequence(self, name: str, x: Any) -> None:
        """Call a convolution over time with the whole input (steps, samples, n_in)."""
        self.net.layers[name](_tensor(x).permute(1, 2, 0).contiguous())

    def activation(self, name: str, y: Any, kind: str) -> None:
        """Call an activation with every call's output; spiking units wait for their membranes."""
        if kind == "spike":
            self.spikes[name] = y
        elif kind in ACTIVATIONS:
            module = self.net.activation(name, kind)
            for call in _tensor(y):
                module(call)

    def membrane(
        self, name: str, v: Any, neuron: str = "leaky", reset: str = "subtract", changed: int | None = None
    ) -> None:
        """Call spiking units with their spikes and membranes; the package finds itself what has changed."""
        if neuron != "leaky":
            raise TypeError(f"{name!r} are {neuron} units; leaky ones can be shown to the package")
        module = self.net.activation(name, "spike", reset)
        for spikes, membrane in zip(_tensor(self.spikes.pop(name)), _tensor(v), strict=True):
            module(spikes, membrane)

    def counts_of(self, x: Any, what: str = "values") -> None:
        """Leave counting to the package, which sees every array."""

    def spikes_of(self, y: Any, counts: Any) -> None:
        """Leave counting to the package, which sees every array."""

    def add(self, name: str, value: float) -> None:
        """Leave out what is ours."""


def _tensor(array: Any) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array))


class WrappedModel(NeuroBenchModel):
    """A model of this project for ``neurobench.benchmarks.Benchmark``.

    Parameters
    ----------
    model : Model
        Such as `eventsim.models.neurobench.SequenceModel`, with calls: no event-driven one.
    example : array_like
        A few samples, as the data loader will give them; they show which activations there are.

    Raises
    ------
    TypeError
        If a connection is nothing that the package can hook.
    """

    def __init__(self, model: Model, example: Any) -> None:
        super().__init__()
        self.model, self.net = model, _Net(model)
        self.add_activation_module(snntorch.SpikingNeuron)
        self(torch.as_tensor(np.asarray(example)))  # the package looks for modules before the first batch
        for module in self.net.modules():
            if isinstance(module, Leaky):
                module.mem = torch.zeros(0)

    def __call__(self, batch: Tensor) -> Tensor:
        """Return the predictions of the model for a batch."""
        shown: Any = _Shown(self.net)
        with torch.no_grad():
            return torch.as_tensor(np.asarray(self.model.infer(batch.numpy(), shown)))

    def __net__(self) -> nn.Module:
        """Return the modules that stand for the layers."""
        return self.net
