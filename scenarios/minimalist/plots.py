"""Plots of a run of `minimalist`: circuit over software, accuracy by imperfection and by constraint."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.trace import Trace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STAGES = {
    "none": "real outputs,\nsoft gates",
    "outputs": "binary\noutputs",
    "hard_gate": "hard\nsigmoid",
    "gate_bits": "gates\n6 bits",
    "weights": "weights\n2 bits",
    "all": "biases\n6 bits",
}


KINDS = {
    "mismatch": "mismatch of capacitors",
    "thermal_noise": "thermal noise, capacitor (fF)",
    "offset": "offset of comparators (mV)",
    "offset_at_output": "offset at outputs only (mV)",
    "offset_trimmed": "offset (mV), trimmed",
    "offset_at_output_trimmed": "offset at outputs (mV), trimmed",
    "comparator_noise": "comparator noise (mV)",
    "parasitic": "parasitic, z and candidate lines",
    "parasitic_state": "parasitic, state lines",
    "injection": "injected charge (mV)",
    "leak": "leakage (fA, 1 us a step)",
    "settling": "settling (RC a phase)",
    "level_error": "error of rails (mV)",
    "all_small": "mismatch, 1 fF noise, 5 mV offset",
}


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if "imperfections/software" in trace.parameters:
        found["imperfections"] = imperfections
    if "traces/software/states" in trace.parameters:
        found["traces"] = traces
    if "comparison/test_accuracy" in trace.parameters:
        found["constraints"] = constraints
    return found


def traces(trace: Trace) -> "Figure":
    """Draw states and outputs of three units: the software, the ideal circuit and a real one over it."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    own = trace.parameters
    units, thresholds = own["traces/units"], own["traces/thresholds"]
    steps = np.arange(len(own["traces/software/states"]))
    kinds = {"software": (plots.GREY, 4.0), "ideal": (plots.COLOURS[0], 1.6), "real": (plots.COLOURS[1], 0.9)}
    labels = {"software": "software", "ideal": "circuit, ideal", "real": "circuit with imperfections"}
    with plots.style():
        figure = Figure(figsize=(8.0, 1.9 * len(units) + 0.4), layout="constrained")
        rows = figure.subplots(len(units), 1, sharex=True, squeeze=False)[:, 0]
        for k, axes in enumerate(rows):
            low = min(own[f"traces/{kind}/states"][:, k].min() for kind in kinds)
            high = max(own[f"traces/{kind}/states"][:, k].max() for kind in kinds)
            height = 0.09 * (high - low)
            for place, (kind, (colour, width)) in enumerate(kinds.items()):
                states, sent = own[f"traces/{kind}/states"][:, k], own[f"traces/{kind}/outputs"][:, k]
                axes.plot(steps, states, color=colour, linewidth=width, label=labels[kind])
                at = np.full(int(sent.sum()), low - (place + 1) * height)
                axes.plot(steps[sent == 1], at, "|", color=colour, markersize=6)
            axes.axhline(thresholds[k], color="#555555", linewidth=0.8, linestyle=":")
            axes.set(ylabel=f"unit {units[k]}")
        rows[0].set(title="states h (in full scale), threshold dotted, and outputs below")
        figure.legend(*rows[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        rows[-1].set(xlabel="step")
    return figure


def imperfections(trace: Trace) -> "Figure":
    """Draw the test accuracy of the circuit by kind and size of an imperfection: devices, and their mean."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    own = trace.parameters
    kinds = [kind for kind in KINDS if f"imperfections/{kind}/values" in own]
    software = 100 * float(np.mean(own["imperfections/software"]))
    columns = min(len(kinds), 4) or 1
    n_rows = -(-len(kinds) // columns) or 1
    with plots.style():
        figure = Figure(figsize=(2.6 * columns, 2.1 * n_rows), layout="constrained")
        grid = figure.subplots(n_rows, columns, sharey=True, squeeze=False)
        for axes in grid.ravel()[len(kinds) :]:
            axes.set_visible(False)
        for kind, axes in zip(kinds, grid.ravel(), strict=False):
            values = own[f"imperfections/{kind}/values"]
            table = 100 * own[f"imperfections/{kind}/accuracy"].reshape(len(values), -1)
            places = np.arange(len(values))
            axes.axhline(software, color=plots.GREY, linewidth=0.8)
            axes.plot(places, table, "o", color="#c8c8c8", markersize=3)
            axes.plot(places, table.mean(axis=1), "o-", color=plots.COLOURS[0], markersize=4)
            axes.set_xticks(places, [f"{value:g}" for value in values])
            axes.set_title(KINDS[kind], fontsize="small")
            axes.set_ylim(0, 100)
        for axes in grid[:, 0]:
            axes.set_ylabel("test accuracy (%)")
    return figure


def constraints(trace: Trace) -> "Figure":
    """Draw the test accuracy as constraints are added one by one: each seed, and their mean."""
    from matplotlib.figure import Figure

    from eventsim.io import plots

    rows = 100 * np.asarray(trace.parameters["comparison/test_accuracy"])
    stages = str(trace.provenance["compared"]).split()
    places = np.arange(len(stages))
    with plots.style():
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axes = figure.subplots()
        for k, row in enumerate(rows.T):
            axes.plot(places, row, "o", color="#a0a0a0", markersize=4, label="one seed" if k == 0 else None)
        axes.plot(places, rows.mean(axis=1), "o-", color=plots.COLOURS[0], label="mean")
        axes.set_xticks(places, [STAGES[stage] for stage in stages])
        axes.set(ylabel="test accuracy (%)", title="constraints of the circuit, added one by one")
        axes.legend()
    return figure
