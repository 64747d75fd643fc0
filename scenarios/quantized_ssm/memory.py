"""What a rounded network keeps: bits of poles, states, matrices and weights; scales and zero points apart.

Counted are the parameters of the form that is stored, A_bar, B_bar, C, D and all weights, and the states of
one stream. Time steps are not stored once poles are discrete. In full precision every word has 32 bits.
"""

from typing import TYPE_CHECKING

from eventsim.models.layers import FakeQuantize, QuantizedLinear, Sequential
from eventsim.scenarios.quantized_ssm.network import FIXED, s4d_layers

if TYPE_CHECKING:
    from eventsim.scenarios.quantized_ssm.settings import Settings

__all__ = ["report", "trained_numbers"]

WORD = 32  # bits


def report(settings: "Settings", network: Sequential, n_parameters: int) -> dict[str, float]:
    """Return bits by component, their sum, and the ratio to full precision.

    Parameters
    ----------
    network : the rounded network.
    n_parameters : trained numbers in full precision.
    """
    heads, depth = settings.n_heads, settings.depth
    words = heads * settings.n_states * depth  # of poles, and of states
    matrices = 2 * words + heads * depth
    linear = [layer for _, layer in network.all_layers() if isinstance(layer, QuantizedLinear)]
    weights = sum(array.size for layer in linear for array in layer.parameters.values())
    bits = {
        "poles": words * settings.pole_bits,
        "states": words * settings.state_bits,
        "matrices": matrices * settings.matrix_bits,
        "weights": weights * settings.weight_bits,
    }
    full = WORD * (n_parameters + words)
    found = {f"memory_bits_{name}": float(value) for name, value in bits.items()}
    found["memory_bits"], found["memory_bits_full"] = float(sum(bits.values())), float(full)
    found["memory_ratio"] = full / sum(bits.values())
    found["scales"] = float(_scales(settings, network, linear))
    return found


def _scales(settings: "Settings", network: Sequential, linear: list[QuantizedLinear]) -> int:
    """Return how many scales, and as many zero points, all grids have."""
    each = 1 if settings.parts == "shared" else 2
    ranges = settings.n_heads if settings.per == "head" else 1
    count = len(s4d_layers(network)) * (4 * each * ranges + 1)  # A_bar, B_bar, C, states; D
    if settings.activation_bits < WORD:
        values = [layer for _, layer in network.all_layers() if isinstance(layer, FakeQuantize)]
        count += sum(layer.n_in if settings.per == "head" else 1 for layer in values)
    if settings.weight_bits < WORD:
        count += sum((layer.n_out if settings.per == "head" else 1) + 1 for layer in linear)
    return count


def trained_numbers(network: Sequential) -> int:
    """Return how many numbers are trained in full precision."""
    kinds = ((name.partition("/")[0], array) for name, array in network.parameters.items())
    return sum(array.size for kind, array in kinds if kind not in FIXED)
