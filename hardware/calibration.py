"""Calibration: trims of single circuits, found by running the chip and looking at its spikes.

All circuits are measured side by side, each by when its neuron spikes, the mean over some runs:

    v_th      a strong constant current: the membrane reaches threshold long before it leaks
    tau_mem   a weak constant current: the later it reaches threshold, the more it has leaked
    tau_syn   one strong input spike
    delay     a spike that goes through the delay element: when it arrives

Each trim is bisected until the neuron spikes when it ought to, as the ideal one does. As the first two
depend a little on each other, v_th and tau_mem take turns.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.hardware.device import Hardware
from eventsim.hardware.parts.trims import Calibration, Trims
from eventsim.hardware.substrate import Substrate
from eventsim.hardware.targets.simulated import SimulatedTarget
from eventsim.hardware_interface import checked_hardware
from eventsim.hints import hinting
from eventsim.models.inputs.sources import SpikeSource
from eventsim.models.lif.lif import LIF
from eventsim.network import Network

__all__ = ["calibrate"]

Floats = NDArray[np.float64]

STRONG, WEAK = 12.0, 1.8  # currents, relative to the one that just reaches threshold
LINES, WEIGHT = 5, 0.9  # inputs that spike together, and the weight of each
ROUNDS = 2  # that v_th and tau_mem take turns
UNTIL = 30.0  # tau_syn, end of a run
STIMULUS = {"input": np.zeros((1, LINES))}


@hinting
def calibrate(
    hardware: Any,
    quantities: tuple[str, ...] = ("v_th", "tau_mem", "tau_syn", "delay"),
    *,
    circuits: int = 512,
    elements: int = 128,
    repeats: int = 20,
    steps: int = 12,
    largest: float = 0.5,
    delay: float | None = None,
    progress: Callable[[str], object] = lambda text: None,
) -> Calibration:
    """Return the trims of a chip.

    Parameters
    ----------
    hardware : Hardware or str
        A chip or substrate, or its name as the option ``--hardware`` takes it. Trims that it has already are
        left out. The networks that are run on it have tau_syn = 1.
    quantities : of "v_th", "tau_mem", "tau_syn", "delay"
    circuits, elements : how many circuits and delay elements to trim.
    repeats : runs whose mean a measurement is.
    steps : of each bisection.
    largest : by what share a trim may differ from 1.
    delay : at which delay elements are trimmed, in tau_syn; 3 unless given.
    progress : told what is being trimmed.

    Returns
    -------
    Calibration

    Raises
    ------
    ConfigError
        If a quantity is unknown.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> chip = es.hardware.Substrate([es.hardware.Mismatch("v_th", 0.05)], device_seed=7)
    >>> found = es.hardware.calibrate(chip, ("v_th",), circuits=8, repeats=1)
    >>> bool(np.std(found.after["v_th"]) < 0.02 * np.std(found.before["v_th"]))
    True
    """
    hardware = checked_hardware(hardware, Hardware)
    for name in quantities:
        if name not in ("v_th", "tau_mem", "tau_syn", "delay"):
            raise ConfigError(f"{name!r} cannot be calibrated; v_th, tau_mem, tau_syn and delay can")
    bench = _Bench(hardware, circuits, elements, repeats, 3.0 if delay is None else delay)
    before = {name: bench.off(name, {}) for name in quantities}
    trims: dict[str, Floats] = {}
    turns = [name for name in ("v_th", "tau_mem") if name in quantities]
    order = turns * (ROUNDS if len(turns) > 1 else 1) + [n for n in quantities if n not in turns]
    for name in order:
        progress(name)
        n = elements if name == "delay" else circuits
        low, high = np.full(n, 1.0 - largest), np.full(n, 1.0 + largest)
        for _ in range(steps):
            middle = 0.5 * (low + high)
            # A higher threshold and a longer delay make spikes later, longer time constants make them
            # earlier.
            too_much = bench.late(name, trims | {name: middle}) == (name in ("v_th", "delay"))
            high = np.where(too_much, middle, high)
            low = np.where(too_much, low, middle)
        trims[name] = 0.5 * (low + high)
    after = {name: bench.off(name, trims) for name in quantities}
    return Calibration(bench.device_seed, trims, before, after)


@dataclass(frozen=True, repr=False)
class _OnTheBench(Substrate):
    """The parts of a chip, where the networks of a measurement give only some of them something to act on."""

    composed: ClassVar[bool] = False


class _Bench:
    """Runs small networks on a chip and tells when their neurons spike."""

    def __init__(self, hardware: Any, circuits: int, elements: int, repeats: int, delay: float) -> None:
        self.hardware, self.repeats, self.delay = hardware, repeats, delay
        self.circuits, self.elements = circuits, elements
        self.device_seed: int = hardware.device_seed
        self.trial = 0

    def late(self, name: str, trims: dict[str, Floats]) -> NDArray[np.bool_]:
        """Return which circuits are later than they ought to be, shape (n,)."""
        found, wanted = self._measured(name, trims)
        return found > wanted

    def off(self, name: str, trims: dict[str, Floats]) -> Floats:
        """Return by what share the spikes of circuits are later than they ought to be, shape (n,)."""
        found, wanted = self._measured(name, trims)
        share: Floats = found / wanted - 1.0
        return share

    def _measured(self, name: str, trims: dict[str, Floats]) -> tuple[Floats, float]:
        """Return mean times over the runs, shape (n,), and those of an ideal circuit."""
        if name == "delay":
            return self._arrivals(trims), self.delay
        net = _network(name, self.circuits)
        found = self._first_spikes(net, self._trimmed(trims, net))
        ideal = SimulatedTarget()
        ideal.configure(_network(name, 1))
        wanted = ideal.run(STIMULUS, until=UNTIL, trial=0).first_spikes("cells")[0, 0]
        return found, float(wanted)

    def _trimmed(self, trims: dict[str, Floats], net: Network) -> SimulatedTarget:
        untrimmed = [part for part in self.hardware.parts_for(net) if not isinstance(part, Trims)]
        parts = (*untrimmed, Trims(Calibration(self.device_seed, trims)))
        chip = _OnTheBench(parts, self.device_seed, self.hardware.seed, self.hardware.layout())
        return SimulatedTarget(chip)

    def _first_spikes(self, net: Network, target: SimulatedTarget) -> Floats:
        """Return when neurons spike first, the mean over the runs in which they do; inf if in none."""
        target.configure(net)
        sums = np.zeros((2, net.populations["cells"].n))
        for _ in range(self.repeats):
            observed = target.run(STIMULUS, until=UNTIL, trial=self.trial)
            self.trial += 1
            times = observed.first_spikes("cells")[0]
            sums[0] += np.where(times < np.inf, times, 0.0)
            sums[1] += times < np.inf
        return _mean(*sums)

    def _arrivals(self, trims: dict[str, Floats]) -> Floats:
        """Return how long spikes take through each delay element."""
        net = Network(time_unit="1")
        net.add("input", SpikeSource(), self.elements)
        net.add("cells", LIF(first_spike_only=True), 1)
        net.connect("input", "cells", weight=0.0, delay=np.full((self.elements, 1), self.delay))
        target = self._trimmed(trims, net)
        target.configure(net)
        sums = np.zeros((2, self.elements))
        for _ in range(self.repeats):
            observed = target.run({"input": np.full((1, self.elements), 1.0)}, until=UNTIL, trial=self.trial)
            self.trial += 1
            times = observed.arrivals["input->cells"][0]
            sums[0] += np.where(times < np.inf, times - 1.0, 0.0)
            sums[1] += times < np.inf
        return _mean(*sums)


def _mean(total: Floats, n: Floats) -> Floats:
    found: Floats = np.divide(total, n, out=np.full(len(total), np.inf), where=n > 0)
    return found


def _network(name: str, n: int) -> Network:
    """Return the neurons that tell a quantity, all alike."""
    net = Network(time_unit="1")
    net.add("input", SpikeSource(), LINES)
    if name == "tau_syn":
        net.add("cells", LIF(first_spike_only=True), n)
        net.connect("input", "cells", weight=WEIGHT)
    else:
        net.add("cells", LIF(first_spike_only=True, i_ext=STRONG if name == "v_th" else WEAK), n)
        net.connect("input", "cells", weight=0.0)
    return net
