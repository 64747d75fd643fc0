"""What each part of a trained network remembers of the past, and what its answers lose without it.

    convolution   share of the absolute weights of all taps whose delay is n steps or more
    recurrence    share of a state that is left n steps later: mean of (1 - z[t+1]) ... (1 - z[t+n])

Means are over channels, for the recurrence over samples and over steps t too. Without delays all taps see the
present sample; without states each state is its newest candidate.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.models.layers import Layer, Sequential
from eventsim.scenarios.mgrade.network import copied, delay_layers, gru_layers

if TYPE_CHECKING:
    from eventsim.scenarios.mgrade.settings import Settings

__all__ = ["held_by_states", "held_by_taps", "without_delays", "without_states"]

Floats = NDArray[np.float64]
OPEN = 40.0  # of a gate: sigmoid(40) is 1 in float32
STARTS = 16  # steps from which states are followed


def held_by_taps(network: Sequential, lags: int) -> Floats:
    """Return the share of each convolution's weights at n steps or more, shape (layers, lags)."""
    found = np.zeros((len(delay_layers(network)), lags))
    for row, layer in zip(found, delay_layers(network), strict=True):
        taps = layer.used_taps
        size = np.abs(taps.value, dtype=np.float64)
        for lag in range(lags):
            row[lag] = (size * (taps.delay >= lag)).sum() / max(size.sum(), 1e-300)
    return found


def held_by_states(network: Sequential, x: NDArray[Any], lags: int) -> Floats:
    """Return the share of each recurrent layer's states that is left n steps later, shape (layers, lags).

    Parameters
    ----------
    x : ndarray, shape (time, samples, channels)
    """
    gates = [_gate_inputs(network, layer, x) for layer in gru_layers(network)]
    found = np.zeros((len(gates), lags))
    for row, v in zip(found, gates, strict=True):
        kept = np.logaddexp(0.0, v)  # -ln(1 - z)
        total = np.concatenate((np.zeros_like(kept[:1]), kept.cumsum(axis=0)))
        for lag in range(lags):
            starts = np.unique(np.linspace(0, max(len(kept) - lag, 0), STARTS).astype(int))
            ends = np.minimum(starts + lag, len(kept))
            row[lag] = np.exp(total[starts] - total[ends]).mean()
    return found


def _gate_inputs(network: Sequential, layer: Layer, x: NDArray[Any]) -> Floats:
    """Return what the gates of a recurrent layer see before the sigmoid, shape (time, samples, units)."""
    network.forward(x)
    seen = _input_of(network, layer, np.ascontiguousarray(x, network.dtype))
    assert seen is not None
    own = layer.parameters
    v: Floats = seen.astype(np.float64) @ own["gate_weight"].astype(np.float64) + own["gate_bias"]
    network.forget()
    return v


def _input_of(parts: Sequential, wanted: Layer, x: NDArray[Any]) -> NDArray[Any] | None:
    """Return what went into a layer in the last forward pass; None if it is not among these parts."""
    for part, y in zip(parts.layers, parts.outputs, strict=True):
        if part is wanted:
            return x
        found = _input_of(part, wanted, x) if isinstance(part, Sequential) else None
        if found is not None:
            return found
        x = y
    return None


def without_delays(settings: "Settings", network: Sequential) -> Sequential:
    """Return the network with all taps at the present sample."""
    made = copied(settings, network)
    for layer in delay_layers(made):
        (layer.parameters | layer.buffers)["position"][...] = 0
    return made


def without_states(settings: "Settings", network: Sequential) -> Sequential:
    """Return the network with all gates open, so that nothing of an earlier state is left."""
    made = copied(settings, network)
    for layer in gru_layers(made):
        layer.parameters["gate_weight"][...] = 0
        layer.parameters["gate_bias"][...] = OPEN
    return made
