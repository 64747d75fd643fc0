"""The gradient of a spike time: the closed form (lines) touches the curve of the spike time over a weight.

Where the weight is too small for a spike (grey) there is no time, and no gradient.
"""

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es

TAU_MEM, TAU_SYN, ARRIVAL = 10.0, 5.0, 2.0  # ms


def spike_time(weight):
    net = es.Network()
    net.add("input", es.models.SpikeSource(times=[ARRIVAL]), 1)
    net.add("cell", es.models.LIF(tau_mem=TAU_MEM, tau_syn=TAU_SYN, first_spike_only=True), 1)
    net.connect("input", "cell", weight=weight)
    sim = es.Simulation(net)
    sim.run(100.0)
    times = sim.spikes("cell").times
    return times[0] if len(times) else np.inf


def slope(weight, time):
    """Return dT/dw = -(dv/dw) / (dv/dT) at the spike, where v = w kernel(T - arrival)."""
    s, factor = time - ARRIVAL, TAU_MEM * TAU_SYN / (TAU_MEM - TAU_SYN)
    kernel = factor * (np.exp(-s / TAU_MEM) - np.exp(-s / TAU_SYN))
    rising = factor * (np.exp(-s / TAU_SYN) / TAU_SYN - np.exp(-s / TAU_MEM) / TAU_MEM)
    return -kernel / (weight * rising)


weights = np.linspace(0.3, 1.2, 181)
times = np.array([spike_time(weight) for weight in weights])
figure, axis = plt.subplots(figsize=(7, 4), layout="constrained")
axis.plot(weights, times, color="C0")
for weight in (0.45, 0.6, 0.9):
    time = spike_time(weight)
    near = np.array([weight - 0.06, weight + 0.06])
    axis.plot(near, time + slope(weight, time) * (near - weight), color="C1", linewidth=2)
    axis.plot(weight, time, "o", color="C1")
axis.axvspan(weights[0], weights[np.isfinite(times)][0], color="0.92")
axis.set(xlabel="weight", ylabel="first spike (ms)", xlim=(0.3, 1.2))
plt.show()
