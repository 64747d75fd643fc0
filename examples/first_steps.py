"""First steps: twenty neurons driven by noise that inhibit each other, spikes at exact times, in one file."""

import matplotlib.pyplot as plt

import eventsim as es

net = es.Network(seed=1)  # times in ms
net.add("noise", es.models.Poisson(rate=80.0), 100)
net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0, t_ref=2.0), 20)
net.connect("noise", "cells", es.connect.fixed_probability(0.5), weight=0.03)
net.connect("cells", "cells", es.connect.fixed_indegree(4), weight=-0.1, delay=1.5)

sim = es.Simulation(net)
sim.record("cells", "v", every=0.1)
sim.run(200.0)
spikes = sim.spikes("cells")
print(
    len(spikes), "spikes; the first:", *zip(spikes.times[:3].tolist(), spikes.units[:3].tolist(), strict=True)
)
sim.save("first_steps.h5", overwrite=True)

figure, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(8, 5), layout="constrained")
es.io.plots.raster(spikes, 20, above)
es.io.plots.trace(sim.trace("cells", "v"), below, variable="v", n_lines=2)
plt.show()
