"""Accuracy without fine-tuning by part and bits, or by bits of poles and states; poles outside the circle."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.models.layers import Sequential
from eventsim.models.training.batches import seeded
from eventsim.models.training.task import Task
from eventsim.scenarios.quantized_ssm import learner, memory
from eventsim.scenarios.quantized_ssm.learner import accuracy, shown
from eventsim.scenarios.quantized_ssm.network import FULL, calibrate, rounded, s4d_layers
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.scenarios.quantized_ssm.settings import Settings

__all__ = ["STEPS", "rounded_accuracy", "stability", "sweep"]

BITS = (16, 8, 6, 5, 4)  # of each part alone
GRID = (16, 8, 7, 6)  # of poles and of states
STEPS = (1, 3, 10, 30, 100, 300, 1000)  # after which the errors of poles are kept

NOTHING: dict[str, Any] = {
    f"{part}_bits": FULL for part in ("pole", "state", "matrix", "weight", "activation")
}
PARTS: dict[str, dict[str, Any]] = {
    "pole": {},
    "matrix": {},
    "state": {"calibration": "static"},
    "state_dynamic": {"calibration": "dynamic"},
    "activation": {},
}


def rounded_accuracy(settings: "Settings", task: Task, trained: Sequential) -> tuple[float, Sequential]:
    """Return the test accuracy of the network once rounded and calibrated, and that network."""
    network = rounded(settings, task.n_classes, trained)
    calibrate(network, shown(task, network, settings.calibration_samples))
    return accuracy(task, network), network


def sweep(settings: "Settings", run: Run, task: Task, trained: Sequential) -> None:
    """Put the accuracies of a sweep into the run: metrics ``PART_BITS``, or ``heatmap/accuracy``."""
    if settings.sweep == "none":
        return
    cells = list(_parts(settings) if settings.sweep == "parts" else _grid(settings))
    tuned = settings.sweep == "heatmap_tuned"
    found = {}
    with run.progress(len(cells), "network", 0) as bar:
        for name, each in cells:
            found[name], network = rounded_accuracy(each, task, trained)
            if settings.sweep != "parts":
                found[f"{name}/memory"] = memory.report(each, network, memory.trained_numbers(trained))[
                    "memory_bits"
                ]
            if tuned:
                learner.fine_tuning(each, task, network, seeded(run.seed)).run()
                found[name] = accuracy(task, network)
            bar.update(1)
    if settings.sweep == "parts":
        for name, value in found.items():
            run.metric(name, value)
        table = [[found[f"{part}_{bits}"] for bits in BITS] for part in PARTS]
        run.parameter("parts/accuracy", np.array(table))
        run.parameter("parts/bits", np.array(BITS))
        return
    for kind in ("accuracy", "memory"):
        suffix = "/memory" if kind == "memory" else ""
        table = [[found[f"pole{p}_state{s}{suffix}"] for s in GRID] for p in GRID]
        run.parameter(f"heatmap/{kind}", np.array(table))
    for p in GRID:
        for s in GRID:
            run.metric(f"pole{p}_state{s}", found[f"pole{p}_state{s}"])
    run.parameter("heatmap/bits", np.array(GRID))
    run.parameter("heatmap/tuned", np.array(tuned, np.float64))


def _parts(settings: "Settings") -> "Iterator[tuple[str, Settings]]":
    for part, changed in PARTS.items():
        kind = part.removesuffix("_dynamic")
        for bits in BITS:
            yield f"{part}_{bits}", replace(settings, **(NOTHING | changed | {f"{kind}_bits": bits}))


def _grid(settings: "Settings") -> "Iterator[tuple[str, Settings]]":
    for pole in GRID:
        for state in GRID:
            yield f"pole{pole}_state{state}", replace(settings, pole_bits=pole, state_bits=state)


def stability(run: Run, network: Sequential) -> None:
    """Put the poles of the first layer, exact and rounded, and the growth of their error, into the run.

    Metrics: ``largest_pole``, the largest radius of a rounded pole, and ``poles_outside``, how many are not
    within the unit circle. Arrays: ``poles/exact`` and ``poles/rounded`` (heads, modes, 2), and
    ``poles/error`` (heads, steps), means over modes of ``|w^n - w_q^n|`` after the steps ``poles/steps``.
    """
    layers = s4d_layers(network)
    radii = [np.abs(layer.used()[0]) for layer in layers]
    run.metric("largest_pole", max(float(each.max()) for each in radii))
    run.metric("poles_outside", sum(int((each >= 1).sum()) for each in radii))
    exact, used = layers[0].discrete()[0], layers[0].used()[0]
    for name, poles in (("exact", exact), ("rounded", used)):
        run.parameter(f"poles/{name}", np.stack((poles.real, poles.imag), axis=-1))
    errors = [np.abs(exact**n - used**n).mean(axis=1) for n in STEPS]
    run.parameter("poles/error", np.stack(errors, axis=1))
    run.parameter("poles/steps", np.array(STEPS))
