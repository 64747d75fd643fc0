"""Accuracy on circuits with one imperfection each, of growing size, on several devices."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.hardware.circuits import Circuit
from eventsim.models.layers import Sequential
from eventsim.models.training.task import Task
from eventsim.scenarios.minimalist.measuring import shown
from eventsim.scenarios.minimalist.network import precise
from eventsim.scenarios.minimalist.on_circuit import ideal_device, predictions
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.scenarios.minimalist.settings import Settings

__all__ = ["KINDS", "measure"]

ROOM = 300.0  # K
# By name: the key that is varied, its values, and what is set besides.
KINDS: Mapping[str, tuple[str, tuple[float, ...], dict[str, Any]]] = {
    "mismatch": ("mismatch", (0.005, 0.01, 0.02, 0.05), {}),
    "thermal_noise": ("c_unit", (10.0, 1.0, 0.1), {"temperature": ROOM}),
    "offset": ("offset", (1.0, 2.0, 5.0, 10.0, 20.0), {}),
    "offset_at_output": ("offset", (5.0, 10.0, 20.0), {"offset_in": "output"}),
    "offset_trimmed": ("offset", (5.0, 10.0, 20.0), {"calibrated": True}),
    "offset_at_output_trimmed": ("offset", (5.0, 10.0, 20.0), {"offset_in": "output", "calibrated": True}),
    "comparator_noise": ("comparator_noise", (1.0, 2.0, 5.0), {}),
    "parasitic": ("parasitic", (0.05, 0.2), {}),
    "parasitic_state": ("parasitic_state", (0.05, 0.2), {}),
    "injection": ("injection", (0.1, 0.5, 2.0), {}),
    "leak": ("leak", (1e3, 1e4, 1e5), {}),
    "settling": ("settling", (7.0, 5.0, 3.0), {}),
    "level_error": ("level_error", (2.0, 5.0), {}),
    "all_small": ("mismatch", (0.02,), {"temperature": ROOM, "offset": 5.0}),
}


def measure(settings: "Settings", run: Run, task: Task, nets: list[Sequential]) -> None:
    """Put accuracies of all kinds into the run.

    Arrays ``imperfections/KIND/values`` (values,) and ``imperfections/KIND/accuracy`` (values, networks,
    devices), ``imperfections/software`` (networks,); metrics ``KIND_VALUE`` are means.
    """
    n = settings.circuit_samples or task.size("test")
    x, labels = shown(task, "test", n), task.labels("test")[:n]
    exact = [precise(settings, net) for net in nets]
    software = [float((net.forward(x)[-1].argmax(axis=-1) == labels).mean()) for net in exact]
    run.parameter("imperfections/software", np.array(software))
    chosen = {name: KINDS[name] for name in settings.imperfections}
    total = sum(len(values) for _, values, _ in chosen.values()) * len(nets) * settings.devices
    with run.progress(total, "device", 0) as bar:
        for kind, (key, values, besides) in chosen.items():
            table = np.zeros((len(values), len(nets), settings.devices))
            for place in np.ndindex(table.shape):
                value, net, number = place
                given: dict[str, Any] = besides | {key: values[value], "device_seed": run.seed + number}
                device = replace(ideal_device(settings), **given)
                found = predictions(Circuit(exact[net], device), x)
                table[place] = (found == labels).mean()
                bar.update(1)
            run.parameter(f"imperfections/{kind}/values", np.array(values))
            run.parameter(f"imperfections/{kind}/accuracy", table)
            for value, row in zip(values, table, strict=True):
                run.metric(f"{kind}_{value:g}", row.mean())
    for kind in ("offset", "offset_at_output"):  # the part of the loss that trims win back
        nan = float("nan")
        raw, trimmed = run.metrics.get(f"{kind}_20", nan), run.metrics.get(f"{kind}_trimmed_20", nan)
        lost = float(np.mean(software)) - raw
        if lost > 0:
            run.metric(f"{kind}_recovered", (trimmed - raw) / lost)
