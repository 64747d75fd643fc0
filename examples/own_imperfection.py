"""An imperfection of your own: one end of a chip is warmer, so neurons there leak faster and spike later."""

from dataclasses import dataclass

import numpy as np

import eventsim as es


@es.register("hardware", "warm-end")  # gives it a name, as --hardware takes it
@dataclass(frozen=True)
class WarmEnd(es.hardware.Part):
    """Each circuit leaks faster and spikes later than the one before it."""

    leak: float = 0.05  # growth of 1 / tau_mem from circuit to circuit, relative
    latency: float = 0.02  # growth of the latency from circuit to circuit, time unit of the network

    def transform_parameters(self, editor):
        for name in editor.neurons:
            editor.multiply(name, "tau_mem", 1.0 / (1.0 + self.leak * editor.placement.circuits[name]))

    def transmit(self, transmission, placement, trials):
        if not transmission.is_source:
            transmission.latency += self.latency * transmission.places


net = es.Network(seed=1)  # times in ms
net.add("input", es.models.SpikeSource(times=[0.2]), 1)
net.add("cells", es.models.LIF(tau_mem=2.0, first_spike_only=True), 4)
net.connect("input", "cells", weight=3.0)
noisy = es.hardware.Substrate([WarmEnd(), es.hardware.Jitter(0.01)], device_seed=7)
for name, hardware in {
    "ideal": None,
    "warm": WarmEnd(),
    "by name": "warm-end,leak=0.2",
    "noisy": noisy,
}.items():
    sim = es.Simulation(net, hardware=hardware)
    sim.run(10.0)
    print(f"{name:8}", np.round(sim.spikes("cells").times, 3))
