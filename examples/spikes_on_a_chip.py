"""The same network on a chip: first spikes on three devices, and the ideal ones.

What is fixed on a device shifts each neuron by its own amount; what differs from run to run blurs it.
"""

import matplotlib.pyplot as plt
import numpy as np

import eventsim as es

n = 24
net = es.Network(seed=1, time_unit="us")
net.add("input", es.models.SpikeSource(times=[1000.0, 1500.0, 2500.0], units=[0, 1, 2]), 3)
net.add("cells", es.models.LIF(tau_mem=2000.0, tau_syn=1000.0, c_mem=2000.0, first_spike_only=True), n)
net.connect("input", "cells", weight=np.full((3, n), 1.8))

figure, axes = plt.subplots(1, 4, sharex=True, sharey=True, figsize=(10, 4), layout="constrained")
for device, axis in enumerate(axes):
    for trial in range(12 if device else 1):
        chip = es.hardware.MixedSignal(device_seed=device) if device else None
        sim = es.Simulation(net, hardware=chip, trial=trial)
        sim.run(20_000.0)
        spikes = sim.spikes("cells")
        axis.plot(spikes.times, spikes.units, ".", color="C0", ms=3)
    axis.set(title=f"device {device}" if device else "ideal", xlabel="first spike (µs)")
axes[0].set_ylabel("neuron")
plt.show()
