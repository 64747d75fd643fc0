"""A recurrent network of excitatory and inhibitory neurons in balance, with exact spike times.

Every neuron receives a fixed number of synapses from each population, drawn with replacement. What
drives them is either Poisson input, independent for each neuron, or a constant current. Excitation
and inhibition nearly cancel, and neurons fire irregularly on what is left (Brunel 2000).
"""

from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le

from eventsim.registry import register
from eventsim.scenarios.balanced_network.network import POPULATIONS, build
from eventsim.scenarios.balanced_network.presets import PRESETS
from eventsim.scenarios.balanced_network.statistics import interval_statistics, per_second
from eventsim.scenarios.scenario import FINITE, NOT_NEGATIVE, POSITIVE, Run, Sections
from eventsim.scenarios.streamed import spikes_in

if TYPE_CHECKING:
    from eventsim import Network


@register("scenario", "balanced-network")
@dataclass(frozen=True, slots=True, kw_only=True)
class BalancedNetwork:
    """Sparse random network of excitatory and inhibitory LIF neurons, driven by Poisson input or current."""

    paper: ClassVar[str] = "Brunel 2000, Dynamics of sparsely connected networks of spiking neurons"
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "network": (
            "n_excitatory",
            "n_inhibitory",
            "k_excitatory",
            "k_inhibitory",
            "weight_excitatory",
            "weight_inhibitory",
            "delay",
        ),
        "input": ("rate_external", "weight_external", "i_ext"),
        "neurons": ("tau_mem", "tau_syn", "c_mem", "v_th", "t_ref"),
        "run": ("duration", "slice"),
    }

    n_excitatory: Annotated[int, Ge(1), Le(10**8), "neurons"] = 800
    n_inhibitory: Annotated[int, Ge(1), Le(10**8), "neurons"] = 200
    k_excitatory: Annotated[int, Ge(0), Le(10**7), "excitatory synapses onto each neuron"] = 80
    k_inhibitory: Annotated[int, Ge(0), Le(10**7), "inhibitory synapses onto each neuron"] = 20
    weight_excitatory: Annotated[float, *NOT_NEGATIVE, "pA, jump of the synaptic current"] = 30.0
    weight_inhibitory: Annotated[float, Le(0), Gt(-inf), "pA"] = -150.0
    delay: Annotated[float, *POSITIVE, "ms, of all recurrent synapses"] = 1.5
    rate_external: Annotated[float, *NOT_NEGATIVE, "Hz, Poisson input of each neuron"] = 2000.0
    weight_external: Annotated[float, *NOT_NEGATIVE, "pA"] = 44.0
    i_ext: Annotated[float, *FINITE, "pA, constant current into each neuron"] = 0.0
    tau_mem: Annotated[float, *POSITIVE, "ms, membrane"] = 10.0
    tau_syn: Annotated[float, *POSITIVE, "ms, synaptic current"] = 5.0
    c_mem: Annotated[float, *POSITIVE, "pF"] = 250.0
    v_th: Annotated[float, *POSITIVE, "mV above rest"] = 20.0
    t_ref: Annotated[float, *NOT_NEGATIVE, "ms, refractory, membrane at rest"] = 2.0
    duration: Annotated[float, *NOT_NEGATIVE, "ms, simulated"] = 1000.0
    slice: Annotated[float, *POSITIVE, "ms, between two chances to stop or keep the state"] = 10.0

    accepts_hardware: ClassVar[bool] = True

    def network(self, seed: int) -> "Network":
        """Return the network of a seed."""
        return build(self, seed)

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
        if np.isfinite(irregular).any():
            run.metric("cv_isi", float(np.nanmean(irregular)))
        run.metric("spikes", total)
        run.metric("synaptic_events", total * (self.k_excitatory + self.k_inhibitory))
