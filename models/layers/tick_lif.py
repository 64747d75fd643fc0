"""A trained spiking model as populations and connections that exchange spikes as events.

Each spiking layer is a population whose units are stepped by ticks. Its spikes are events, on which hardware
acts as on any. Linear maps and convolutions are weights, a delay for each tap; normalisation is folded in:

    (x W + b - mean) scale + beta = x W' + c,  W' = W scale,  c = (b - mean) scale + beta, a constant input

A spike that is sent at a tick counts at the next one, so layer l lags l + 1 ticks behind the input, and stays
at rest until then. Sums run in the order of events: in float64 membranes agree with the batch to 1e-12.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from eventsim.contracts import BuildContext
from eventsim.models.layers.batch_norm import BatchNorm
from eventsim.models.layers.dropout import Dropout
from eventsim.models.layers.layer import Array
from eventsim.models.layers.leaky_readout import LeakyReadout
from eventsim.models.layers.lif import LIF
from eventsim.models.layers.linear import Linear
from eventsim.models.layers.quantized_linear import QuantizedLinear
from eventsim.models.layers.recurrent_lif import RecurrentLIF
from eventsim.models.layers.sequential import Sequential
from eventsim.models.layers.temporal_conv import TemporalConv
from eventsim.network import Network
from eventsim.rates.ticks import Continuous

__all__ = ["TickLIF", "add_spiking_model"]

HALF = 0.5  # of a tick, that spikes arrive before the tick at which they count, whatever rounding does


@dataclass(frozen=True, eq=False)
class TickLIF:
    """Units that are stepped by ticks and send spikes as events; see `LIF` for the equations.

    Attributes
    ----------
    alpha, threshold : decay and threshold of each unit, shape (n,); units with an infinite one do not spike.
    constant_input : what is added to the input at each tick, shape (n,).
    start : the first tick that counts.
    """

    alpha: Any
    threshold: Any
    constant_input: Any
    start: int = 0

    variables: ClassVar[tuple[str, ...]] = ("rate", "v")
    is_source: ClassVar[bool] = False
    is_continuous: ClassVar[bool] = True
    emits_spikes: ClassVar[bool] = True
    on_hardware: ClassVar[bool] = True

    def check(self, n: int, name: str) -> None:
        """Raise ValueError if there is not one number of each kind for each unit."""
        for kind in ("alpha", "threshold", "constant_input"):
            if np.shape(getattr(self, kind)) != (n,):
                raise ValueError(
                    f"{kind} of {name!r} must have shape ({n},), got {np.shape(getattr(self, kind))}"
                )

    def build(self, context: BuildContext) -> Continuous:
        """Return the population."""
        from eventsim.models.layers.kernels.tick_lif import TickLIFPopulation

        alpha, threshold, constant_input = (
            np.array(each, np.float64) for each in (self.alpha, self.threshold, self.constant_input)
        )
        return TickLIFPopulation(context, alpha, threshold, constant_input, self.start)


def add_spiking_model(net: Network, name: str, model: Sequential, source: str, dt: float) -> list[str]:
    """Add a trained model to a network, layer by layer, and connect it to the spikes of a population.

    Parameters
    ----------
    net : Network
    name : str
        The populations are `name` with a number.
    model : Sequential
        Linear maps or convolutions, normalisation with fixed statistics, dropout, and spiking layers or leaky
        readouts.
    source : str
        Population with as many units as the model has inputs; a spike counts at the tick that follows it.
    dt : float
        Length of a tick.

    Returns
    -------
    list of str
        Names of the populations. Membranes of readouts are their variable "v".

    Raises
    ------
    ValueError
        If a layer cannot be a population or a connection, or sizes do not fit.
    """
    if net.populations[source].n != model.n_in:
        raise ValueError(f"{source!r} has {net.populations[source].n} units, the model {model.n_in} inputs")
    names: list[str] = []
    before = source
    taps: list[tuple[Array, int]] = []  # weights and delays in ticks since the population before
    constant_input: Array = np.zeros(model.n_in)
    for place, layer in enumerate(model.layers):
        if isinstance(layer, Linear | TemporalConv) and not taps:
            used = layer.used() if isinstance(layer, TemporalConv | QuantizedLinear) else layer.parameters
            weight = used["weight"].astype(np.float64)
            each = [weight] if isinstance(layer, Linear) else list(weight)
            step = getattr(layer, "dilation", 1)
            taps = [(tap, (len(each) - 1 - k) * step) for k, tap in enumerate(each)]
            constant_input = np.array(used.get("bias", np.zeros(layer.n_out)), np.float64)
        elif isinstance(layer, BatchNorm) and taps:
            mean, scale, beta = (np.asarray(one, np.float64) for one in layer.fixed_scale())
            taps = [(tap * scale, delay) for tap, delay in taps]
            constant_input = (constant_input - mean) * scale + beta
        elif isinstance(layer, LIF | LeakyReadout) and not isinstance(layer, RecurrentLIF) and taps:
            alpha, threshold, gain = _units(layer)
            names.append(f"{name}{len(names)}")
            net.add(names[-1], TickLIF(alpha, threshold, gain * constant_input, len(names)), layer.n_out)
            for tap, (weight, delay) in enumerate(taps):
                net.connect(
                    before,
                    names[-1],
                    weight=gain * weight * dt,
                    delay=(delay + (0.0 if before == source else HALF)) * dt,
                    name=f"{before}->{names[-1]}" + (f" tap {tap}" if len(taps) > 1 else ""),
                )
            before, taps = names[-1], []
        elif not isinstance(layer, Dropout):
            raise ValueError(
                f"layer {place}, {type(layer).__name__}, cannot be a population or a connection in its place"
            )
    if taps:
        raise ValueError("the last layer must be spiking units or a leaky readout")
    return names


def _units(layer: LIF | LeakyReadout) -> tuple[Array, Array, Array]:
    """Return decay and threshold of each unit, and by what its input is multiplied."""
    if isinstance(layer, LeakyReadout):
        alpha = np.asarray(layer.buffers["alpha"], np.float64)
        return alpha, np.full(layer.n_out, np.inf), 1.0 - alpha
    both = layer.parameters | layer.buffers
    return (
        np.asarray(layer.alpha, np.float64),
        np.asarray(both["threshold"], np.float64),
        np.ones(layer.n_out),
    )
