"""A recurrent network of excitatory and inhibitory neurons in balance, with exact spike times.

Every neuron receives a fixed number of synapses from each population, drawn with replacement. What
drives them is either Poisson input, independent for each neuron, or a constant current. Excitation
and inhibition nearly cancel, and neurons fire irregularly on what is left (Brunel 2000).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le

from eventsim.registry import register
from eventsim.scenarios.scenario import FINITE, NOT_NEGATIVE, POSITIVE, Run
from eventsim.trace import Floats, Ints

POPULATIONS = ("excitatory", "inhibitory")
N_10000: dict[str, object] = {
    "n_excitatory": 8000,
    "n_inhibitory": 2000,
    "k_excitatory": 800,
    "k_inhibitory": 200,
    "weight_excitatory": 10.0,
}
DC: dict[str, object] = {"rate_external": 0.0}
CHUNK = 1_000_000  # spikes read back at once


@register("scenario", "balanced-network")
@dataclass(frozen=True, slots=True, kw_only=True)
class BalancedNetwork:
    """Sparse random network of excitatory and inhibitory LIF neurons, driven by Poisson input or current."""

    paper: ClassVar[str] = "Brunel 2000, Dynamics of sparsely connected networks of spiking neurons"
    presets: ClassVar[dict[str, dict[str, object]]] = {
        "poisson-1000": {},
        "poisson-10000": N_10000 | {"weight_inhibitory": -50.0, "weight_external": 50.0},
        "dc-1000": DC | {"weight_inhibitory": -450.0, "i_ext": 650.0},
        "dc-10000": DC | N_10000 | {"weight_inhibitory": -80.0, "i_ext": 800.0},
        "quick": {"duration": 200.0},
    }

    n_excitatory: Annotated[int, Ge(1), "neurons"] = 800
    n_inhibitory: Annotated[int, Ge(1), "neurons"] = 200
    k_excitatory: Annotated[int, Ge(0), "excitatory synapses onto each neuron"] = 80
    k_inhibitory: Annotated[int, Ge(0), "inhibitory synapses onto each neuron"] = 20
    weight_excitatory: Annotated[float, *NOT_NEGATIVE, "pA, jump of the synaptic current"] = 30.0
    weight_inhibitory: Annotated[float, Le(0), Gt(-inf), "pA"] = -150.0
    rate_external: Annotated[float, *NOT_NEGATIVE, "Hz, Poisson input of each neuron"] = 2000.0
    weight_external: Annotated[float, *NOT_NEGATIVE, "pA"] = 44.0
    i_ext: Annotated[float, *FINITE, "pA, constant current into each neuron"] = 0.0
    delay: Annotated[float, *POSITIVE, "ms, of all recurrent synapses"] = 1.5
    tau_mem: Annotated[float, *POSITIVE, "ms, membrane"] = 10.0
    tau_syn: Annotated[float, *POSITIVE, "ms, synaptic current"] = 5.0
    c_mem: Annotated[float, *POSITIVE, "pF"] = 250.0
    v_th: Annotated[float, *POSITIVE, "mV above rest"] = 20.0
    t_ref: Annotated[float, *NOT_NEGATIVE, "ms, refractory, membrane at rest"] = 2.0
    duration: Annotated[float, *NOT_NEGATIVE, "ms, simulated"] = 1000.0
    slice: Annotated[float, *POSITIVE, "ms, between two chances to stop or keep the state"] = 10.0

    accepts_hardware: ClassVar[bool] = True

    def network(self, seed: int) -> Any:
        """Return the network, declared."""
        from eventsim import Network, connect, models
        from eventsim.rng import stream

        net = Network(seed=seed)
        sizes = dict(zip(POPULATIONS, (self.n_excitatory, self.n_inhibitory), strict=True))
        for name, n in sizes.items():
            neuron = models.LIF(
                tau_mem=self.tau_mem,
                tau_syn=self.tau_syn,
                c_mem=self.c_mem,
                v_th=self.v_th,
                t_ref=self.t_ref,
                i_ext=self.i_ext,
                v_init=stream(seed, "v_init", name).uniform(0.0, self.v_th, n),
            )
            net.add(name, neuron, n)
        in_degrees = (self.k_excitatory, self.k_inhibitory)
        weights = (self.weight_excitatory, self.weight_inhibitory)
        for post, n in sizes.items():
            for pre, k, weight in zip(POPULATIONS, in_degrees, weights, strict=True):
                net.connect(pre, post, connect.fixed_indegree(k), weight=weight, delay=self.delay)
            if self.rate_external > 0:
                drive = f"input_{post}"
                net.add(drive, models.Poisson(rate=self.rate_external), n, record_spikes=False)
                net.connect(drive, post, connect.one_to_one(), weight=self.weight_external)
        return net

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


def per_second(count: float, n: int, duration: float) -> float:
    """Return the mean rate in Hz of `n` units with `count` spikes in `duration` ms."""
    return 1e3 * float(count) / (n * duration) if duration > 0 else 0.0


def spikes_in(path: Path, name: str) -> Iterator[tuple[Floats, Ints]]:
    """Read the spikes of a population from a file, one piece after the other."""
    import h5py

    with h5py.File(path, "r") as file:
        group = file["spikes"][name]
        for start in range(0, len(group["timestamps"]), CHUNK):
            piece = slice(start, start + CHUNK)
            yield group["timestamps"][piece], group["node_ids"][piece].astype(np.int64)


def interval_statistics(pieces: Iterable[tuple[Floats, Ints]], n: int) -> tuple[Ints, Floats]:
    """Return how often units fired and how irregularly.

    Parameters
    ----------
    pieces : iterable of (times, units)
        Spikes in the order of time.
    n : int
        Number of units.

    Returns
    -------
    counts : ndarray, shape (n,)
    cv : ndarray, shape (n,)
        Standard deviation of a unit's inter-spike intervals over their mean; nan below 3 spikes.
    """
    counts = np.zeros(n, np.int64)
    total, squares, last = np.zeros(n), np.zeros(n), np.full(n, np.nan)
    for times, units in pieces:
        order = np.argsort(units, kind="stable")
        times, units = times[order], units[order]
        first = np.r_[True, units[1:] != units[:-1]][: len(units)]
        before = np.r_[np.nan, times[:-1]][: len(times)]
        before[first] = last[units[first]]
        interval = times - before
        known = np.isfinite(interval)
        total += np.bincount(units[known], interval[known], n)
        squares += np.bincount(units[known], interval[known] ** 2, n)
        last[units[np.r_[first[1:], True][: len(units)]]] = times[np.r_[first[1:], True][: len(units)]]
        counts += np.bincount(units, minlength=n)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / (counts - 1)
        cv = np.sqrt(np.maximum(squares / (counts - 1) - mean**2, 0.0)) / mean
    cv[counts < 3] = np.nan
    return counts, cv
