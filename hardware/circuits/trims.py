"""Calibration of a circuit: codes that make up for the offsets of comparators, found by looking at outputs.

From discharged capacitors and without input a state is at the reference, so a comparator whose threshold is
programmed to 0 shows the sign of its offset; the converter shows in its code whether u = 1/2 lies above its
middle threshold. Both codes are bisected, all columns of a core side by side.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eventsim.hardware.circuits.core import Core
from eventsim.hardware.circuits.manufacture import CoreTrims, manufactured
from eventsim.models.layers import QuantizedMinGRU, Sequential
from eventsim.rng import stream

if TYPE_CHECKING:
    from eventsim.hardware.chips.minimalist import Minimalist

__all__ = ["calibrated_trims"]

Codes = NDArray[np.int64]
BITS = 6  # of a trim


def calibrated_trims(model: Sequential, device: "Minimalist", *, repeats: int = 9) -> list[CoreTrims]:
    """Return the trims of each core of a device.

    Parameters
    ----------
    model : Sequential
        Of `QuantizedMinGRU`.
    device : Minimalist
    repeats : int
        Decisions of which the majority counts, against noise.
    """
    layers = [layer for layer in model.layers if isinstance(layer, QuantizedMinGRU)]
    return [_trims(layer, device, place, repeats) for place, layer in enumerate(layers)]


def _trims(layer: QuantizedMinGRU, device: "Minimalist", place: int, repeats: int) -> CoreTrims:
    zeros = np.zeros(layer.n_out)
    half = 2 ** (layer.gate_bits or 1) // 2
    run = 0

    def majority(trims: CoreTrims, read: Callable[[Core], NDArray[np.bool_]]) -> NDArray[np.bool_]:
        nonlocal run
        core = Core(manufactured(layer, device, place, 1, trims, gate_bias=zeros, threshold=zeros))
        votes = np.zeros(layer.n_out)
        for _ in range(repeats):
            key = int(stream(device.seed, "calibration", place, run).integers(2**63))
            core.reset(1, key)
            core.show(np.zeros((1, core.rows), np.uint8))
            core.step(0)
            votes += read(core)
            run += 1
        found: NDArray[np.bool_] = votes > repeats / 2
        return found

    idle = np.zeros(layer.n_out, np.int64)
    threshold = _bisected(
        idle, lambda codes: ~majority(CoreTrims(idle, codes), lambda core: core.outputs[0] == 1)
    )
    gate_bias = _bisected(
        idle, lambda codes: majority(CoreTrims(codes, idle), lambda core: core.codes[0] >= half)
    )
    return CoreTrims(gate_bias, threshold)


def _bisected(like: Codes, enough: Callable[[Codes], NDArray[np.bool_]]) -> Codes:
    """Return the least codes that are enough, within the range of a trim."""
    low, high = like - 2 ** (BITS - 1), like + 2 ** (BITS - 1) - 1
    for _ in range(BITS):
        middle = (low + high) // 2
        good = enough(middle)
        high, low = np.where(good, middle, high), np.where(good, low, np.minimum(middle + 1, high))
    found: Codes = high
    return found
