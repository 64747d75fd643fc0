"""A target in this process: the simulator, with what a chip does to the network in front of it."""

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from eventsim.errors import ConfigError
from eventsim.hardware.ideal import Ideal
from eventsim.hardware.target import Observed, SpikeTrains, Target, checked_inputs
from eventsim.models.inputs import SpikeSource
from eventsim.models.rules.spike_gradient import SpikeGradient
from eventsim.network import Network, is_continuous
from eventsim.simulation import Simulation

__all__ = ["SimulatedTarget", "target_of"]


class SimulatedTarget:
    """Computes what a chip would do; see `Target`.

    Feed-forward networks of neurons that spike at most once are computed by closed forms, a batch at a time;
    all others event by event, sample by sample.

    Parameters
    ----------
    hardware : part of kind "hardware"
        What becomes of the network: its `transform` is applied. `Ideal()` unless given.

    Examples
    --------
    >>> import numpy as np, eventsim as es
    >>> net = es.Network()
    >>> _ = net.add("input", es.models.SpikeSource(), 1)
    >>> _ = net.add("cell", es.models.LIF(first_spike_only=True), 1)
    >>> _ = net.connect("input", "cell", weight=np.array([[3.0]]))
    >>> target = es.hardware.SimulatedTarget()
    >>> target.configure(net)
    {}
    >>> target.run({"input": [[0.2], [np.inf]]}, until=5.0, trial=0).first_spikes("cell")
    array([[0.81906129],
           [       inf]])
    """

    def __init__(self, hardware: Any = None) -> None:
        self.hardware = Ideal() if hardware is None else hardware
        self._network: Network | None = None
        self._layers: SpikeGradient | None = None  # of networks that closed forms take

    def configure(self, network: Network) -> Mapping[str, int]:
        """Take a network as the hardware makes it; see `Target.configure`."""
        network = self.hardware.transform(network)
        for name, population in network.populations.items():
            model = population.model
            if is_continuous(model) or (model.is_source and not isinstance(model, SpikeSource)):
                raise ConfigError(
                    f"a target runs spiking neurons with a SpikeSource for their inputs, "
                    f"{name!r} is {type(model).__name__}"
                )
        try:
            layers = SpikeGradient(network, kernel="layers", time_constants=False)
        except ConfigError:
            layers = None
        self._network, self._layers = network, layers
        return {}

    def run(self, inputs: Mapping[str, Any], *, until: float, trial: int, first: int = 0) -> Observed:
        """Compute a batch; see `Target.run`."""
        network = self._network
        if network is None:
            raise ConfigError("the target has no network yet: call configure(network) first")
        given, n_samples = checked_inputs(network, inputs)
        seen = [name for name, p in network.populations.items() if p.record_spikes and not p.model.is_source]
        # Whether closed forms do is decided for each sample alone: its spikes must not depend on others.
        single = np.full(n_samples, self._layers is not None)
        for each in given.values():
            if not each.once:
                single &= each.counts().max(axis=1) <= 1
        if single.all():
            return self._computed(given, seen, until)
        parts: list[Observed] = []
        for k in range(n_samples):
            sample = {name: each[k : k + 1] for name, each in given.items()}
            computed = self._computed if single[k] else self._simulated
            parts.append(computed(sample, seen, until))
        return Observed.joined(parts)

    def _computed(self, given: Mapping[str, SpikeTrains], seen: list[str], until: float) -> Observed:
        """Compute layers by their closed forms."""
        assert self._layers is not None
        run = self._layers.forward({name: each.first_spikes() for name, each in given.items()}, until)
        return Observed({name: SpikeTrains.of_first(run.first_spikes(name)) for name in seen})

    def _simulated(self, given: Mapping[str, SpikeTrains], seen: list[str], until: float) -> Observed:
        """Simulate one sample event by event."""
        assert self._network is not None
        simulation = Simulation(without_spikes(self._network))
        for name, each in given.items():
            simulation.stimulate(name, each.times, each.units)
        simulation.run(until)
        sizes = {name: population.n for name, population in self._network.populations.items()}
        return Observed({name: SpikeTrains.of_lists([simulation.spikes(name)], sizes[name]) for name in seen})


def without_spikes(network: Network) -> Network:
    """Return a network whose sources spike only when they are stimulated."""
    bare = copy.copy(network)
    bare.populations = {
        name: replace(p, model=SpikeSource()) if isinstance(p.model, SpikeSource) else p
        for name, p in network.populations.items()
    }
    return bare


def target_of(hardware: Any) -> Target:
    """Return the target of a part of kind "hardware": what its `target()` makes, else a simulated one."""
    own = getattr(hardware, "target", None)
    return own() if callable(own) else SimulatedTarget(hardware)
