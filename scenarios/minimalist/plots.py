"""Plots of a run of `minimalist`: accuracy by constraint."""

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


def available(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
    """Return the plots that a trace has the data for, by name."""
    found: dict[str, Callable[[Trace], Any]] = {}
    if "comparison/test_accuracy" in trace.parameters:
        found["constraints"] = constraints
    return found


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
