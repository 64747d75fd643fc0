"""From a trained layer and a device to the arrays of one core: capacitors, rails, converter, comparators.

Fixed patterns come from the seed of the device and the place of the core, whatever the layer's weights are.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.models.layers import QuantizedMinGRU
from eventsim.models.layers.level_grids import nearest_level
from eventsim.models.layers.quantized_min_gru import TIE
from eventsim.rng import stream

if TYPE_CHECKING:
    from eventsim.hardware.chips.minimalist import Minimalist

__all__ = ["CoreTrims", "ManufacturedCore", "manufactured"]

Floats = NDArray[np.float64]
MILLI = 1e-3
BOLTZMANN = 1.380649e-8  # fJ / K


@dataclass(frozen=True)
class CoreTrims:
    """Codes that a calibration adds to gate biases and thresholds, in steps of their grids, one a column."""

    gate_bias: NDArray[np.int64]
    threshold: NDArray[np.int64]


@dataclass(frozen=True)
class ManufacturedCore:
    """Arrays and numbers of a core, as `Core` takes them.

    Attributes
    ----------
    c_z, c_a, c_b : z capacitors, and the two h capacitors of each synapse, fF, (rows, columns); `c_a` holds
        the state at first.
    rail_z, rail_h : voltage to which a row with input charges a capacitor, V, (rows, columns).
    bias, converter_offset, threshold : of a column: gate bias in units of z; offset of the comparator in the
        converter, and threshold of the output's with its offset, V.
    bits, rows_of_code, row_bits, counted : of the gate code; how many rows a code swaps, the bit that swaps a
        row (-1 for none), and whether the first so many rows swap instead.
    repeats : rows that an input drives.
    on_z, on_h, on_state : capacitance of the lines, fF.
    injected : V, by charge that opening switches leave on each capacitor.
    left : part of a voltage difference that is left when a phase ends.
    leak_charge, leak_kept : of the states of a column in a step: charge in fC, and the part of the voltage.
    thermal : kT, fJ; 0 for no thermal noise.
    comparator_noise : V.
    by_volt, below : inputs of the gate by volt; by how much of a code its thresholds are lowered.
    slot : length of a phase, us.
    """

    c_z: Floats
    c_a: Floats
    c_b: Floats
    rail_z: Floats
    rail_h: Floats
    bias: Floats
    converter_offset: Floats
    threshold: Floats
    bits: int
    rows_of_code: NDArray[np.int32]
    row_bits: NDArray[np.int32]
    counted: bool
    repeats: int
    on_z: float
    on_h: float
    on_state: float
    injected: float
    left: float
    leak_charge: float
    leak_kept: float
    thermal: float
    comparator_noise: float
    by_volt: float
    below: float
    slot: float


def manufactured(
    layer: QuantizedMinGRU,
    device: "Minimalist",
    place: int,
    cores: int = 1,
    trims: CoreTrims | None = None,
    **instead: Any,
) -> ManufacturedCore:
    """Return the core that a device makes for a layer.

    Parameters
    ----------
    layer : QuantizedMinGRU
        With hard gates of some bits, levels of weights, and binary outputs or states.
    device : Minimalist
    place : int
        Number of the core in the device.
    cores : int
        Of the device, which work one after another in a step.
    trims : CoreTrims, optional
    instead : arrays of the layer, by name, that replace its own.

    Raises
    ------
    ConfigError
        If the layer has numbers that the circuit cannot hold.
    """
    if layer.gate_function != "hard" or layer.gate_bits is None or layer.levels is None:
        raise ConfigError(
            f"layer {place} needs gates of some bits and weights of some levels for a circuit, "
            f"got gate_bits={layer.gate_bits!r}, levels={layer.levels!r}"
        )
    if layer.output not in ("binary", "state"):
        raise ConfigError(f"layer {place} of a circuit has outputs 'binary' or 'state', got {layer.output!r}")
    used = layer.used() | instead
    rows, columns, v_fs = layer.core_rows, layer.n_out, device.v_fs

    def rng(*purpose: str) -> np.random.Generator:
        return stream(device.device_seed, "minimalist", place, *purpose)

    def capacitors(name: str) -> Floats:
        spread = device.mismatch * rng("capacitors", name).standard_normal((rows, columns))
        return device.c_unit * np.maximum(1 + spread, 0.05)

    rails = v_fs * np.asarray(layer.levels)
    rails = rails + MILLI * device.level_error * rng("rails").standard_normal(len(rails))

    def by_row(name: str) -> Floats:
        """Return the rail of each synapse; inputs drive several rows, and rows without input lie at V_0."""
        found = np.zeros((rows, columns))
        weight = np.repeat(nearest_level(used[name], layer.levels or ()), layer.repeats, axis=0)
        found[: len(weight)] = rails[weight]
        return found

    offset = MILLI * device.offset * rng("offset").standard_normal(columns)
    codes = CoreTrims(np.zeros(columns, np.int64), np.zeros(columns, np.int64)) if trims is None else trims
    threshold = used.get("threshold", np.zeros(columns)) + layer.threshold_step * codes.threshold
    levels = 2**layer.gate_bits
    row_bits, counted = _row_bits(rows, layer.gate_bits)
    line = rows * device.c_unit
    return ManufacturedCore(
        c_z=capacitors("z"),
        c_a=capacitors("a"),
        c_b=capacitors("b"),
        rail_z=by_row("gate_weight"),
        rail_h=by_row("weight"),
        bias=used["gate_bias"] + layer.bias_step * codes.gate_bias,
        converter_offset=offset if device.offset_in == "both" else np.zeros(columns),
        threshold=v_fs * (threshold + TIE) + offset,
        bits=layer.gate_bits,
        rows_of_code=np.floor(np.arange(levels) * (rows / levels) + 0.5).astype(np.int32),
        row_bits=row_bits,
        counted=counted,
        repeats=layer.repeats,
        on_z=device.parasitic * line,
        on_h=device.parasitic * line,
        on_state=device.parasitic_state * line,
        injected=MILLI * device.injection,
        left=float(np.exp(-device.settling)) if device.settling else 0.0,
        leak_charge=1e-6 * device.leak * device.step_us,
        leak_kept=float(np.exp(-device.step_us / device.leak_tau)) if device.leak_tau else 1.0,
        thermal=BOLTZMANN * device.temperature,
        comparator_noise=MILLI * device.comparator_noise,
        by_volt=layer.slope / v_fs,
        below=0.5 if device.rounding == "nearest" else 0.0,
        slot=device.step_us / (5 * cores),
    )


def _row_bits(rows: int, bits: int) -> tuple[NDArray[np.int32], bool]:
    """Return the bit that swaps each row, -1 for none, and whether rows are counted instead.

    Where rows are a multiple m of the number of codes, bit b swaps m 2^b rows, and the last m never swap.
    """
    levels = 2**bits
    if rows % levels:
        return np.full(rows, -1, np.int32), True
    groups = np.repeat(np.arange(bits), rows // levels * 2 ** np.arange(bits))
    return np.concatenate((groups, np.full(rows // levels, -1))).astype(np.int32), False
