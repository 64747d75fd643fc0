"""Training with a circuit in the loop: its outputs, the gradients of the software.

Each layer sees what the circuit's cores sent, and takes over the gates and states that its core had; the
derivatives are those of the software there, so fixed patterns that do not show in them stay unknown.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator

from eventsim.hardware.circuits.circuit import Circuit
from eventsim.models.layers import Sequential
from eventsim.models.layers.layer import Array

if TYPE_CHECKING:
    from eventsim.hardware.chips.minimalist import Minimalist

__all__ = ["CircuitInTheLoop"]


class CircuitInTheLoop(Sequential):
    """A model whose forward pass is a circuit's, and whose backward pass is that of its layers.

    Parameters
    ----------
    model : Sequential
        Of `QuantizedMinGRU`, built; its layers and their arrays are shared.
    device : Minimalist
    """

    def __init__(self, model: Sequential, device: "Minimalist") -> None:
        super().__init__(model.layers)
        self.adopt()
        self.circuit = Circuit(model, device)

    def forward(
        self, x: Array, *, training: bool = False, lengths: Array | None = None, rng: Generator | None = None
    ) -> Array:
        """Return the outputs of the circuit with the present weights; see `Layer.forward`."""
        self.forget()
        x = self._checked(x)
        self.circuit.configure()
        traces = self.circuit.run(x)
        for place, (layer, sent) in enumerate(zip(self.circuit.layers, traces.outputs, strict=True)):
            layer.forward(x, training=training, lengths=lengths, rng=rng)
            layer.observe(self.circuit.gates(place, traces.codes[place]), traces.states[place])
            x = np.ascontiguousarray(sent, self.dtype)
            self.outputs.append(x)
        return self.circuit.read_out(traces).astype(self.dtype)
