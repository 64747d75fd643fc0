"""Prospective rate neurons and spiking neurons that act on each other in one run.

A spiking front end (Poisson) leaves traces, from which LE neurons learn to hold a level. Their output
drives a LIF neuron through a delay, and its spikes come back and lower the level, through another.
"""

import numpy as np

import eventsim as es

rng = np.random.default_rng(0)
net = es.Network(seed=1)  # times in ms
net.add("noise", es.models.Poisson(rate=200.0), 20)
net.add("trace", es.models.SpikeTrace(tau_syn=20.0), 20)
net.add("hidden", es.models.LatentEquilibrium(tau_mem=10.0, activation="tanh"), 15)
net.add("level", es.models.LatentEquilibrium(tau_mem=10.0, activation="linear", tau_syn=5.0), 1)
net.add("cell", es.models.LIF(tau_mem=10.0, tau_syn=5.0), 1)

net.connect("noise", "trace", es.connect.one_to_one(), weight=0.05)
net.connect("trace", "hidden", weight=rng.normal(0, 0.3, (20, 15)), bias=0.0)
net.connect("hidden", "level", weight=rng.normal(0, 0.2, (15, 1)), bias=0.0)
net.connect("level", "cell", weight=0.1, delay=1.5)  # rates become a current, 1.5 ms later
net.connect("cell", "level", weight=-0.05, delay=0.77)  # spikes arrive between ticks
for projection in ("trace->hidden", "hidden->level"):
    net.add_plasticity(projection, es.models.plasticity.ErrorTimesRate(learning_rate=0.05))

sim = es.Simulation(net, dt=0.1)
sim.record("level", "rate", every=1.0)
sim.nudge("level", [0.8], beta=0.1)
sim.run(2000.0)

spikes = sim.spikes("cell")
level = sim.trace("level", "rate").values[:, 0]
print(f"level {level[:100].mean():.2f} in the first 0.1 s, {level[-500:].mean():.2f} in the last 0.5 s")
print(
    f"{len(spikes.times)} spikes of the LIF neuron, {np.sum(spikes.times < 200)} of them in the first 0.2 s"
)
