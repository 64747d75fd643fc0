"""A gradient for correct outputs that are silent: their membrane is pulled towards threshold at its maximum.

A loss of first spikes is constant where the correct output does not spike. But the maximum of its membrane
changes smoothly with every parameter, and lies below threshold. So a sample with a silent correct output has
the loss

    L = strength (v_th - max v)

instead, whose derivative goes through the spikes before it into all layers. The membrane of a neuron that
does not spike is that of a readout, whose maximum `SpikeGradient` differentiates in closed form.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.models.gradients.forward_pass import Gradient
from eventsim.models.gradients.spike_gradient import SpikeGradient
from eventsim.models.lif.lif import LIF
from eventsim.network import Network
from eventsim.parameters import one_number

__all__ = ["MembranePull", "SilentOutputs"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SilentOutputs:
    """What a learner does about correct outputs that are silent.

    Attributes
    ----------
    strength : -dL/dv at the largest membrane of such an output, > 0.
    """

    strength: float = 1.0

    def __post_init__(self) -> None:
        if not one_number(self.strength, "strength", low=0) > 0:
            raise ValueError(f"strength must be positive, got {self.strength!r}")


class MembranePull:
    """The membranes of silent outputs of a network, and the derivatives of their maxima.

    Parameters
    ----------
    net : Network
    output : str
        A population of LIF neurons that leads nowhere.
    gradient : SpikeGradient
        Of the network; its parameters are those that count.
    silent : SilentOutputs
    until : float
        End of a sample.
    options
        Of the `SpikeGradient` of the readouts.

    Raises
    ------
    ConfigError
        If the output is not of `LIF`, or projects.
    """

    def __init__(
        self,
        net: Network,
        output: str,
        gradient: SpikeGradient,
        silent: SilentOutputs,
        until: float,
        **options: Any,
    ) -> None:
        model = net.populations[output].model
        if not isinstance(model, LIF):
            raise ConfigError(
                f"silent outputs need LIF neurons, whose membranes have maxima in closed form; {output!r} is "
                f"{type(model).__name__}"
            )
        onward = [projection.name for projection in net.projections if projection.pre == output]
        if onward:
            raise ConfigError(
                f"silent outputs need an output that leads nowhere, {output!r} projects: {onward[0]}"
            )
        readout = replace(model, v_th=np.inf, first_spike_only=False)
        self._readouts = SpikeGradient(net.with_parameters({output: readout}), **options)
        self._given, self._output, self._until = gradient, output, until
        self.strength = silent.strength

    def __call__(
        self, inputs: Mapping[str, Any], rows: Ints, labels: Ints, weight: Floats
    ) -> tuple[Floats, Gradient]:
        """Return the losses of samples with a silent correct output, and the derivative of their sum.

        Parameters
        ----------
        inputs : mapping of str to array_like or sequence
            Of the batch, a row for each sample.
        rows : ndarray of int, shape (n_silent,)
            The samples.
        labels : ndarray of int, shape (n_silent,)
            Their correct outputs.
        weight : ndarray, shape (n_silent,)
            Of each of these samples in the sum.
        """
        key = f"v_th/{self._output}"
        for name, value in self._readouts.parameters.items():
            if name != key:
                value[...] = self._given.parameters[name]
        chosen = {
            name: each[rows] if isinstance(each, np.ndarray) else [each[k] for k in rows]
            for name, each in inputs.items()
        }
        run = self._readouts.forward(chosen, self._until)
        heights, _ = run.maxima(self._output)
        at = np.arange(len(rows)), labels
        errors = np.zeros(heights.shape)
        errors[at] = -self.strength * weight
        v_th = np.broadcast_to(self._given.parameters[key], heights.shape[1:])
        gradient = self._readouts.backward(run, {self._output: errors})
        by_threshold: Floats = np.bincount(labels, self.strength * weight, heights.shape[1]).astype(
            np.float64
        )
        shared = len(self._given.parameters[key]) == 1
        gradient.v_th[self._output] = by_threshold.sum(keepdims=True) if shared else by_threshold
        return self.strength * (v_th[labels] - heights[at]), gradient
