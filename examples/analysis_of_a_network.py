"""Analysis of a network: intervals, correlograms and correlations of neurons that share input."""

import matplotlib.pyplot as plt

import eventsim as es

net = es.Network(seed=4)  # times in ms
net.add("shared", es.models.Poisson(rate=15.0), 30)
net.add("private", es.models.Poisson(rate=15.0), 300)
net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=5.0, t_ref=2.0), 10)
net.connect("shared", "cells", weight=0.02)
net.connect("private", "cells", es.connect.fixed_indegree(30), weight=0.02)
sim = es.Simulation(net)
sim.run(10_000.0)

cells = es.analysis.select(sim, "cells", start=200.0)
figure, axes = plt.subplots(2, 2, figsize=(9, 6), layout="constrained")
es.analysis.plot_isi(cells, axes[0, 0])
one, other = (es.analysis.select(cells, units=[unit]) for unit in (0, 1))
es.analysis.plot_cross_correlogram(one, other, axes[0, 1], longest=60.0, width=2.0)
es.analysis.plot_correlation(cells, axes[1, 0], width=20.0)
es.analysis.plot_synchrony(cells, axes[1, 1], widths=[2, 5, 10, 20, 50, 100])
plt.show()
