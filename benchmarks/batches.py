"""Yin-Yang samples through the engine one by one: built for each, and built once and set back in place.

Run with ``python benchmarks/batches.py``. Both ways take turns in one process; the ratio is of medians, and
the spikes are compared to the bit.
"""

import time

import numpy as np

import eventsim as es

SAMPLES, ROUNDS, UNTIL = 200, 9, 4.0


def network(seed: int = 1) -> es.Network:
    """Return the published sizes: 5 inputs, 120 hidden neurons and 3 label neurons that spike once."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    neuron = es.models.LIF(tau_mem=1.0, first_spike_only=True)
    net.add("input", es.models.SpikeSource(), 5)
    net.add("hidden", neuron, 120)
    net.add("label", neuron, 3)
    net.connect("input", "hidden", weight=rng.normal(1.5, 0.8, (5, 120)))
    net.connect("hidden", "label", weight=rng.normal(0.5, 0.8, (120, 3)))
    return net


def inputs(seed: int = 42) -> np.ndarray:
    """Return Yin-Yang samples as spike times in [0.15, 2], with the bias, shape (SAMPLES, 5)."""
    samples, _ = es.io.datasets.yin_yang(size=SAMPLES, seed=seed)
    return np.column_stack([0.15 + 1.85 * samples, np.full(SAMPLES, 0.9)])


def built_for_each(net: es.Network, schedule: str, times: np.ndarray) -> list[es.Spikes]:
    """Return the label spikes of each sample, each from a simulation of its own."""
    found = []
    for sample in times:
        sim = es.Simulation(net, schedule=schedule)
        sim.stimulate("input", sample, np.arange(5))
        sim.run(UNTIL)
        found.append(sim.spikes("label"))
    return found


def main() -> None:
    """Print microseconds a sample, and the ratio, on each schedule."""
    net, times = network(), inputs()
    for schedule in ("layered", "ordered"):
        sim = es.Simulation(net, schedule=schedule)
        before, after = [], []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            fresh = built_for_each(net, schedule, times)
            middle = time.perf_counter()
            batch = sim.run_batch({"input": times}, UNTIL)
            end = time.perf_counter()
            before.append((middle - start) / SAMPLES * 1e6)
            after.append((end - middle) / SAMPLES * 1e6)
            for one, other in zip(fresh, batch.spikes("label"), strict=True):
                assert np.array_equal(one.times, other.times)
                assert np.array_equal(one.units, other.units)
        a, b = np.median(before), np.median(after)
        print(f"{schedule}: built for each sample {a:.0f} us, in place {b:.0f} us, ratio {a / b:.1f}")


if __name__ == "__main__":
    main()
