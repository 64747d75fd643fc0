"""A recurrent network of excitatory and inhibitory neurons in balance, with exact spike times.

Every neuron receives a fixed number of synapses from each population, drawn with replacement. What
drives them is either Poisson input, independent for each neuron, or a constant current. Excitation
and inhibition nearly cancel, and neurons fire irregularly on what is left (Brunel 2000).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eventsim.registry import register
from eventsim.scenarios.balanced_network.network import POPULATIONS, build
from eventsim.scenarios.balanced_network.settings import Settings
from eventsim.scenarios.balanced_network.statistics import interval_statistics, per_second
from eventsim.scenarios.scenario import Run
from eventsim.scenarios.streamed import spikes_in

if TYPE_CHECKING:
    from eventsim import Network


@register("scenario", "balanced-network")
@dataclass(frozen=True, slots=True, kw_only=True)
class BalancedNetwork(Settings):
    """Sparse random network of excitatory and inhibitory LIF neurons, driven by Poisson input or current."""

    def network(self, seed: int) -> "Network":
        """Return the network of a seed."""
        return build(self, seed)

    def memory_bytes(self) -> float:
        """Return the bytes of the synapses, 8 each as stored."""
        n = self.n_excitatory + self.n_inhibitory
        return 8.0 * n * (self.k_excitatory + self.k_inhibitory)

    def run(self, run: Run) -> None:
        """Simulate, the spikes going to the file meanwhile, then read them back for the metrics."""
        from eventsim import Simulation
        from eventsim.scenarios.on_hardware import hardware_of

        sim = Simulation(self.network(run.seed), hardware=hardware_of(run))
        if run.state is not None:
            sim.restore(run.state["simulation"])
        sim.stream(run.file)
        # Slices end at multiples of `slice`, so that a resumed run cuts time where the first one did.
        n_slices = int(np.ceil(self.duration / self.slice))
        with run.progress(self.duration, "ms", min(sim.now, self.duration)) as bar:
            for k in range(round(sim.now / self.slice), n_slices):
                run.checkpoint(lambda: {"simulation": sim.snapshot()})
                began = sim.now
                sim.run(min((k + 1) * self.slice, self.duration))
                bar.update(sim.now - began)
        run.file.put(duration=sim.now)
        run.checkpoint(lambda: {"simulation": sim.snapshot()}, force=True)  # all spikes can be read back now
        for name, count in sim.counters().items():
            run.metric(f"hardware_{name}", count)
        self._measure(run)

    def _measure(self, run: Run) -> None:
        total, cvs = 0, []
        for name, n in zip(POPULATIONS, (self.n_excitatory, self.n_inhibitory), strict=True):
            counts, cv = interval_statistics(spikes_in(run.file.path, name), n)
            run.metric(f"rate_{name}", per_second(counts.sum(), n, self.duration))
            total += int(counts.sum())
            cvs.append(cv)
        n = self.n_excitatory + self.n_inhibitory
        irregular = np.concatenate(cvs)
        run.metric("mean_rate", per_second(total, n, self.duration))
        enough = np.isfinite(irregular)
        run.metric("cv_isi_neurons", int(enough.sum()))  # those with enough intervals after the warm-up
        if enough.any():
            run.metric("cv_isi", float(irregular[enough].mean()))
        run.metric("spikes", total)
        run.metric("synaptic_events", total * (self.k_excitatory + self.k_inhibitory))
