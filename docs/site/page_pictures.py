"""Pictures of how-to pages: a plot of what the code of the page does, or of a table of the page."""

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import eventsim as es
from eventsim.io import plots
from eventsim.scenarios.robustness import plots as robustness_plots

DOCS = Path(__file__).resolve().parent.parent
LABEL = {"x": 0.01, "horizontalalignment": "left", "fontsize": 9, "color": "#4d555e"}
CURRENT = "i_syn (v_th / ms)"


def code_of(page: str, before: str) -> dict[str, Any]:
    """Return what the Python blocks of a page leave behind, run in order up to the picture `before`."""
    text = (DOCS / f"{page}.md").read_text(encoding="utf-8").partition(f"images/{before}.png")[0]
    names: dict[str, Any] = {"__name__": page}
    for block in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S):
        exec(compile(block, page, "exec"), names)
    return names


def stacked(rows: int, height: float, words: str, *, columns: int = 1, **options: Any) -> tuple[Figure, Any]:
    """Return a figure with rows of axes and a line that says what ran."""
    figure = Figure(figsize=(8.0, height), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False, sharex="col", **options)
    figure.suptitle(words, **LABEL)
    return figure, axes if columns > 1 else axes[:, 0]


def adex() -> Figure:
    """Draw membrane, threshold and adaptation of the neuron of the page."""
    sim = code_of("own-neuron", "adex")["sim"]
    figure, (upper, lower) = stacked(2, 4.6, "AdEx, code of this page, seed 1")
    plots.trace(sim.trace("cell", "v"), upper, variable="v (mV)", thresholds=-50.4, title="membrane")
    plots.trace(sim.trace("cell", "w"), lower, variable="w (pA)", title="adaptation")
    upper.set_xlabel("")
    return figure


def currents() -> Figure:
    """Draw four currents over time, and the membrane that each drives."""
    kinds = {
        "StepCurrent": es.models.StepCurrent(times=[20.0, 60.0, 80.0], values=[0.16, 0.0, 0.22]),
        "LinearCurrent": es.models.LinearCurrent(times=[0.0, 60.0, 100.0], values=[0.0, 0.25, 0.05]),
        "SineCurrent": es.models.SineCurrent(amplitude=0.15, frequency=25.0) + 0.06,
        "NoiseCurrent": es.models.NoiseCurrent(mean=0.1, std=0.08, dt=1.0, tau=3.0),
    }
    net = es.Network(seed=1)
    for name, current in kinds.items():
        net.add(name, es.models.MultiSynapseLIF({"fast": 5.0}, tau_mem=10.0, i_ext=current), 1)
    sim = es.Simulation(net)
    for name in kinds:
        sim.record(name, "v", every=0.1)
        sim.record(name, "i_ext", every=0.1)
    sim.run(120.0)
    words = "MultiSynapseLIF, tau_mem = 10 ms, seed 1; marks above are spikes"
    figure, axes = stacked(2, 4.0, words, columns=4, sharey="row")
    for k, name in enumerate(kinds):
        upper, lower = axes[:, k]
        plots.trace(sim.trace(name, "i_ext"), upper, variable="i_ext (v_th / ms)", title=name)
        plots.trace(sim.trace(name, "v"), lower, variable="v (v_th)", thresholds=1.0)
        if k < 3:
            lower.get_legend().remove()
        times = sim.spikes(name).times
        lower.plot(times, np.full(len(times), 1.12), "|", color=plots.COLOURS[1], markersize=6)
        upper.set_xlabel("")
        for each in (upper, lower):
            each.set_ylabel(each.get_ylabel() if k == 0 else "")
    return figure


def sources() -> Figure:
    """Draw rasters of four sources."""
    kinds = {
        "PoissonRates: 20, 150, 5 Hz": es.models.PoissonRates(times=[0, 200, 400], rates=[20.0, 150.0, 5.0]),
        "Gamma: 40 Hz, shape 8": es.models.Gamma(rate=40.0, shape=8.0),
        "Bursts: 4 spikes, random": es.models.Bursts(period=100.0, n_spikes=4, interval=3.0, random=True),
        "Regular: every 50 ms, jitter 2 ms": es.models.Regular(period=50.0, phase=10.0, number=9, jitter=2.0),
    }
    net = es.Network(seed=1)
    for k, source in enumerate(kinds.values()):
        net.add(f"source{k}", source, 20)
    sim = es.Simulation(net)
    sim.run(600.0)
    figure, axes = stacked(4, 6.0, "20 units of each source, seed 1")
    for k, (each, title) in enumerate(zip(axes, kinds, strict=True)):
        spikes, colour = sim.spikes(f"source{k}"), plots.COLOURS[k]
        plots.raster(spikes, 20, each, span=(0.0, 600.0), colour=colour, title=title)
        each.set_xlabel("time (ms)" if k == 3 else "")
    return figure


def short_term() -> Figure:
    """Draw the currents of a depressing and of a facilitating synapse."""
    net = code_of("plasticity", "short-term")["net"]
    sim = es.Simulation(net)
    figure, axes = stacked(2, 4.4, "code of this page, seed 1", sharey=True)
    for name in ("depressing", "facilitating"):
        sim.record(name, "i_syn", every=0.5)
    sim.run(650.0)
    for k, (each, name) in enumerate(zip(axes, ("depressing", "facilitating"), strict=True)):
        plots.trace(sim.trace(name, "i_syn"), each, variable=CURRENT, title=name)
        each.lines[0].set_color(plots.COLOURS[k])
    axes[0].set_xlabel("")
    return figure


def inhibitory_stdp() -> Figure:
    """Draw the rate of the cells over time beside the target."""
    sim = code_of("plasticity", "inhibitory-stdp")["sim"]
    figure, (axes,) = stacked(1, 3.4, "5 cells, code of this page, seed 1")
    plots.rate(sim.spikes("cells"), 5, 20000.0, axes, width=500.0, label="cells, bins of 500 ms")
    axes.axhline(10.0, color=plots.GREY, linewidth=1.0, linestyle="--", label="target rate")
    axes.legend()
    return figure


def synaptic_scaling() -> Figure:
    """Draw the rate of the cells over time beside the target."""
    sim = code_of("plasticity", "synaptic-scaling")["sim"]
    figure, (axes,) = stacked(1, 3.4, "5 cells, code of this page, seed 1")
    plots.rate(sim.spikes("cells"), 5, 20000.0, axes, width=500.0, label="cells, bins of 500 ms")
    axes.axhline(10.0, color=plots.GREY, linewidth=1.0, linestyle="--", label="target rate")
    axes.legend()
    return figure


def reward_stdp() -> Figure:
    """Draw the weights of both synapses over time."""
    net = code_of("plasticity", "reward-stdp")["net"]
    sim = es.Simulation(net)
    times = np.arange(0.0, 1001.0, 5.0)
    weights = []
    for time in times:
        sim.run(float(time))
        weights.append(sim.weights("input->cell")[2].copy())
    figure, (axes,) = stacked(1, 3.4, "code of this page, seed 1")
    for k, pair in enumerate(("pair at 10 and 15 ms", "pair at 500 and 505 ms")):
        axes.plot(times, np.array(weights)[:, k], label=pair, **plots.look(k, marks=False))
    axes.axvline(100.0, color=plots.GREY, linewidth=1.0, linestyle="--", label="reward")
    axes.set(xlabel="time (ms)", ylabel="weight (v_th)")
    axes.legend()
    return figure


def voltage_stdp() -> Figure:
    """Draw the change of the weight by pairs over their rate."""
    found = code_of("plasticity", "voltage-stdp")
    figure, (axes,) = stacked(1, 3.4, "code of this page, seed 1")
    for k, order in enumerate(("source first", "target first")):
        change = found["sim"].weights(f"weights, {order}")[2] - 0.5
        axes.plot(found["rates"], change, label=f"{order}, 10 ms", **plots.look(k))
    axes.axhline(0.0, color=plots.GREY, linewidth=1.0, linestyle="--")
    axes.set(xlabel="rate of pairs (Hz)", ylabel="change of weight (mV)")
    axes.legend()
    return figure


def own_synapse() -> Figure:
    """Draw the change of the weight by the lag of the target's spike."""
    rule = code_of("own-synapse", "own-synapse")["Window"]
    lags = np.arange(-60.0, 61.0, 1.0)
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(times=[[100.0]] * len(lags)), len(lags))
    net.add("teacher", es.models.SpikeSource(times=[[100.5 + lag] for lag in lags]), len(lags))
    net.add("cells", es.models.LIFDelta(v_th=1.0), len(lags))
    net.connect("input", "cells", es.connect.one_to_one(), weight=0.5, delay=0.1)
    net.connect("teacher", "cells", es.connect.one_to_one(), weight=5.0)
    net.add_plasticity("input->cells", rule())
    sim = es.Simulation(net)
    sim.run(300.0)
    figure, (axes,) = stacked(1, 3.6, "the rule of this page, one pair of spikes at each lag, seed 1")
    axes.plot(lags, sim.weights("input->cells")[2] - 0.5, "o", color=plots.COLOURS[0], markersize=3)
    axes.axhline(0.0, color=plots.GREY, linewidth=0.8)
    axes.axvline(0.0, color=plots.GREY, linewidth=0.8)
    axes.set(xlabel="spike of the target after that of the source (ms)", ylabel="change of the weight (v_th)")
    return figure


def rows_of(page: str, head: str) -> list[list[str]]:
    """Return the cells of the table of a page that begins with a head, without the head."""
    lines = (DOCS / f"{page}.md").read_text(encoding="utf-8").splitlines()
    first = next(k for k, line in enumerate(lines) if line.startswith(head))
    table = itertools.takewhile(lambda line: line.startswith("|"), lines[first + 2 :])
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table]


def delgrad_efficiency() -> Figure:
    """Draw the accuracies of the page's table against the neurons and against the trained numbers."""
    rows = rows_of("delgrad", "| hidden neurons | W |")
    figure = Figure(figsize=(9.0, 3.8), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    figure.suptitle(
        "delgrad, preset sweep: mean and standard deviation of seeds 0 to 4, the table above", **LABEL
    )
    for k, kind in enumerate(("W", "WA", "WS")):
        cells = np.array([[float(x) for x in re.findall(r"[\d.]+", row[k + 1])] for row in rows])
        mean, spread, numbers = cells.T
        neurons = [int(row[0]) for row in rows]
        for axes, x in zip(panels, (neurons, numbers), strict=True):
            axes.errorbar(x, mean, spread, capsize=2, label=kind, **plots.look(k))
    for axes, label in zip(panels, ("hidden neurons", "trained numbers"), strict=True):
        axes.set_xlabel(label)
    panels[0].set_ylabel("test accuracy (%)")
    panels[1].legend(loc="lower right")
    return figure


def robustness() -> Figure:
    """Draw the page's table of accuracies under each imperfection, by the scenario's own plot."""
    cells = rows_of("hardware", "| imperfection | level | in the loop |")
    names = list(dict.fromkeys(row[0].replace(" ", "_") for row in cells))
    rows = [
        [
            names.index(row[0].replace(" ", "_")),
            float(row[1]),
            *(float(x) / 100 for cell in row[2:4] for x in cell.split(" ± ")),
        ]
        for row in cells
    ]
    trace = es.Trace(
        parameters={"robustness/table": np.array(rows), "robustness/clean": np.array([0.955])},
        provenance={"imperfections": " ".join(names)},
    )
    figure = robustness_plots.robustness(trace)
    words = "robustness, networks=3, seed 0: mean and standard deviation of seeds 0 to 2, the table above"
    figure.suptitle(words, **LABEL)
    return figure


PICTURES: dict[str, Callable[[], Figure]] = {
    "adex": adex,
    "currents": currents,
    "sources": sources,
    "short-term": short_term,
    "inhibitory-stdp": inhibitory_stdp,
    "synaptic-scaling": synaptic_scaling,
    "reward-stdp": reward_stdp,
    "voltage-stdp": voltage_stdp,
    "own-synapse": own_synapse,
    "delgrad-efficiency": delgrad_efficiency,
    "robustness": robustness,
}
