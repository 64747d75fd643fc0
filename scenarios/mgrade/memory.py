"""The memory of a model that runs as a stream: trained numbers, and numbers that change at each step.

    parameters of a layer, "pre"      2 d K + 2 d^2 + 2 d + 4 d^2 + 3 d + 4 d
                           "paper"    2 d fewer, one layer norm in place of two
    states of a layer                 d (Gamma + 1): the window of each channel, and its gated state

A control has the terms of its half only: 2 d K and d Gamma are those of the convolution, 2 d^2 + 2 d and d
those of the recurrence. A stream keeps no more of the window than its largest delay needs. Delays count as
parameters whether they are learned or not, and so do widths of Gauss taps. All words are equally long.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from eventsim.errors import ConfigError
from eventsim.models.layers import Sequential
from eventsim.scenarios.mgrade.network import delay_layers, gru_layers

if TYPE_CHECKING:
    from eventsim.scenarios.mgrade.settings import Settings

__all__ = ["TOLERANCE", "fitted", "held_words", "kept_lengths", "parameters", "state_words"]

TOLERANCE = 0.05  # of a budget


def parameters(settings: "Settings", n_inputs: int, n_outputs: int) -> int:
    """Return how many numbers the network has, delays included."""
    d = settings.n_channels
    layer = 4 * d * d + 3 * d + 2 * d * (2 if settings.order == "pre" else 1)
    if settings.model != "min_gru":
        layer += d * settings.taps * (3 if settings.kernel == "gauss" else 2)
    if settings.model != "convolution":
        layer += 2 * d * d + 2 * d
    decoder = d * n_outputs + n_outputs + (d * d + d if settings.decoder == "hidden" else 0)
    words: int = n_inputs * d + d + settings.depth * layer + decoder
    return words


def state_words(settings: "Settings", lengths: Sequence[int] | None = None) -> int:
    """Return how many numbers a stream keeps.

    Parameters
    ----------
    lengths : sequence of int, optional
        Samples that each convolution keeps of a channel; the window unless given.
    """
    words = 0
    if settings.model != "min_gru":
        words += settings.depth * settings.window if lengths is None else sum(lengths)
    if settings.model != "convolution":
        words += settings.depth
    return words * settings.n_channels


def held_words(network: Sequential) -> int:
    """Return how many numbers the arrays of a stream of this network have; counters are no memory."""
    rings = sum(layer.init_state(1)["past"].size for layer in delay_layers(network))
    return int(rings + sum(layer.init_state(1)["h"].size for layer in gru_layers(network)))


def kept_lengths(network: Sequential) -> list[int]:
    """Return how many samples each convolution keeps of a channel: its largest delay, plus 1."""
    return [layer.buffer_length for layer in delay_layers(network)]


def fitted(settings: "Settings", budget: int, n_inputs: int, n_outputs: int) -> "Settings":
    """Return the settings with the number of channels that comes closest to a budget of words.

    Raises
    ------
    ConfigError
        If no number of channels comes within 5 %.
    """

    def words(d: int) -> int:
        each = replace(settings, n_channels=d)
        return parameters(each, n_inputs, n_outputs) + state_words(each)

    d = 1
    while words(d + 1) <= budget:
        d += 1
    best = min((d, d + 1), key=lambda d: abs(words(d) - budget))
    if abs(words(best) - budget) > TOLERANCE * budget:
        raise ConfigError(
            f"no number of channels brings {settings.model!r} within 5 % of {budget} words: "
            f"{d} need {words(d)}, {d + 1} need {words(d + 1)}"
        )
    return replace(settings, n_channels=best)
