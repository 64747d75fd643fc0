"""Layers one after another, and layers around which their input is added to their output.

Arrays of the layers have names of their own in the whole: kind, then place, as in "weight/0" or, within a
residual at place 2, "weight/2/0". Optimisers take rates by such a name, or by its kind.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import Generator
from numpy.typing import DTypeLike

from eventsim.models.layers.layer import Array, Layer, State

if TYPE_CHECKING:
    from eventsim.io.neurobench import Connection, Workload

__all__ = ["Residual", "Sequential"]


class Sequential(Layer):
    """Layers one after another.

    Parameters
    ----------
    layers : sequence of Layer
    threads : int
        Threads that share a batch, in all layers. Results do not depend on it.

    Attributes
    ----------
    layers : list of Layer
    outputs : list of ndarray
        What came out of each layer in the last forward pass.

    Raises
    ------
    ValueError
        If there are no layers, one of them occurs twice, or `threads` is below 1.
    TypeError
        If one of them is no layer.
    """

    def __init__(self, layers: Sequence[Layer], *, threads: int = 1) -> None:
        super().__init__()
        self.layers = list(layers)
        if not self.layers:
            raise ValueError("a Sequential needs at least one layer, got none")
        for layer in self.layers:
            if not isinstance(layer, Layer):
                raise TypeError(f"layers must be layers, got {layer!r:.60}")
        if len({id(layer) for layer in self.layers}) < len(self.layers):
            raise ValueError("a layer occurs twice; write a layer of its own for each place")
        self.outputs: list[Array] = []
        self.threads = threads

    @property
    def threads(self) -> int:
        """Threads that share a batch."""
        return self._threads

    @threads.setter
    def threads(self, threads: int) -> None:
        if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1:
            raise ValueError(f"threads must be a whole number, at least 1, got {threads!r}")
        self._threads = threads
        for layer in getattr(self, "layers", ()):
            layer.threads = threads

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Build every layer for the channels that the one before has; see `Layer.build`."""
        super().build(n_in, rng, dtype)
        for layer in self.layers:
            n_in = layer.build(n_in, rng, dtype)
        self.adopt()
        return n_in

    def adopt(self) -> None:
        """Take over channels, dtype and arrays of layers that were built on their own or exchanged arrays."""
        for layer in self.layers:
            if isinstance(layer, Sequential):
                layer.adopt()
        self.n_in, self.n_out = self.layers[0].n_in, self.layers[-1].n_out
        self.dtype, self.outputs = self.layers[0].dtype, []
        self.parameters, self.buffers = self._named("parameters"), self._named("buffers")

    def _named(self, which: str) -> dict[str, Array]:
        return named([getattr(layer, which) for layer in self.layers])

    def check_values(self, state: Mapping[str, Any]) -> None:
        """Refuse what one of the layers refuses; see `Layer.check_values`."""
        parts: list[dict[str, Any]] = [{} for _ in self.layers]
        for name, values in state.items():  # see `named`
            kind, number, *rest = name.split("/", 2)
            parts[int(number)]["/".join([kind, *rest])] = values
        for layer, part in zip(self.layers, parts, strict=True):
            layer.check_values(part)

    def connections(self) -> "dict[str, Connection]":
        """Return the connections of all layers by the names of their parameters; see `Layer.connections`."""
        return named([layer.connections() for layer in self.layers])

    def report(self, workload: "Workload", place: str, x: Array, y: Array) -> None:
        """Report what every layer did; see `Layer.report`."""
        for number, (layer, out) in enumerate(zip(self.layers, self.outputs, strict=True)):
            layer.report(workload, f"{place}/{number}" if place else f"{number}", x, out)
            x = out

    def forward_reported(
        self, x: Array, workload: "Workload", place: str = "", lengths: Array | None = None
    ) -> Array:
        """Return what `forward` does; report inputs and layers while their arrays lie in the caches."""
        self.forget()
        x = self._checked(x)
        for number, layer in enumerate(self.layers):
            own = f"{place}/{number}" if place else f"{number}"
            if isinstance(layer, Sequential):
                y = layer.forward_reported(x, workload, own, lengths)
            else:
                if type(layer).connections is not Layer.connections:
                    workload.counts_of(x)
                layer.counting = True
                y = layer.forward(x, lengths=lengths)
                layer.counting = False
                layer.report(workload, own, x, y)
            self.outputs.append(y)
            x = y
        return x

    def all_layers(self) -> Iterator[tuple[str, Layer]]:
        """Yield every layer with its place, those within residuals too: "0", "2", "2/0", ..."""
        for place, layer in enumerate(self.layers):
            yield str(place), layer
            if isinstance(layer, Sequential):
                for inner, each in layer.all_layers():
                    yield f"{place}/{inner}", each

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return what comes out of the last layer; see `Layer.forward`."""
        self.forget()
        x = self._checked(x)
        for layer in self.layers:
            x = layer.forward(x, training=training, lengths=lengths, rng=rng)
            self.outputs.append(x)
        return x

    def forget(self) -> None:
        """Let go of all arrays of the last forward pass."""
        self.outputs = []
        for layer in self.layers:
            layer._tape = None
            if isinstance(layer, Sequential):
                layer.forget()

    def backward(
        self, dy: Array, *, input_gradient: bool = True, added: Mapping[int, Array] | None = None
    ) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`.

        Parameters
        ----------
        added : mapping of int to ndarray, optional
            By place of a layer, what is added to dL/dy of its output: the gradient of a penalty on it.
        """
        gradient: Array | None = dy
        for place in reversed(range(len(self.layers))):
            assert gradient is not None
            if added is not None and place in added:
                gradient = gradient + added[place]
            gradient = self.layers[place].backward(gradient, input_gradient=input_gradient or place > 0)
        self.gradients = self._named("gradients")
        self.outputs = []
        return gradient

    def init_state(self, batch: int) -> State:
        """Return the states of all layers by place."""
        return {str(place): layer.init_state(batch) for place, layer in enumerate(self.layers)}

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return what comes out of the last layer in one step; see `Layer.step`."""
        new = {}
        for place, layer in enumerate(self.layers):
            x_t, new[str(place)] = layer.step(x_t, state[str(place)])
        return x_t, new


def named(parts: "Sequence[Mapping[str, Any]]") -> dict[str, Any]:
    """Return what layers have by name, with the place of each layer after the kind: "weight/0"."""
    found = {}
    for place, part in enumerate(parts):
        for name, each in part.items():
            kind, _, rest = name.partition("/")
            found[f"{kind}/{place}/{rest}" if rest else f"{kind}/{place}"] = each
    return found


class Residual(Sequential):
    """Layers around which their input is added to their output: y = x + f(x).

    Parameters
    ----------
    layers : sequence of Layer
        They have as many channels at their end as at their beginning.
    """

    def build(self, n_in: int, rng: Generator, dtype: DTypeLike = np.float32) -> int:
        """Build every layer; see `Layer.build`."""
        n_out = super().build(n_in, rng, dtype)
        if n_out != n_in:
            raise ValueError(f"a residual needs as many channels out as in, {n_in}, got {n_out}")
        return n_out

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return ``x + f(x)``; see `Layer.forward`."""
        x = self._checked(x)
        return x + super().forward(x, training=training, lengths=lengths, rng=rng)

    def forward_reported(
        self, x: Array, workload: "Workload", place: str = "", lengths: Array | None = None
    ) -> Array:
        """Return ``x + f(x)``, reported; see `Sequential.forward_reported`."""
        x = self._checked(x)
        return x + super().forward_reported(x, workload, place, lengths)

    def backward(
        self, dy: Array, *, input_gradient: bool = True, added: Mapping[int, Array] | None = None
    ) -> Array | None:
        """Return dL/dx and fill the gradients; see `Layer.backward`."""
        dy = np.ascontiguousarray(dy, self.dtype)
        inner = super().backward(dy, input_gradient=input_gradient, added=added)
        return None if inner is None else dy + inner

    def step(self, x_t: Array, state: State) -> tuple[Array, State]:
        """Return ``x_t + f(x_t)``; see `Layer.step`."""
        y, state = super().step(x_t, state)
        return x_t + y, state
