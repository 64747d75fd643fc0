"""Trained networks on the circuit in place of the software: predictions, traces, energies."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.errors import ConfigError
from eventsim.hardware.chips import Minimalist
from eventsim.hardware.circuits import Circuit
from eventsim.models.layers import Sequential
from eventsim.models.training.task import Task
from eventsim.scenarios.minimalist.measuring import put, shown
from eventsim.scenarios.minimalist.network import gates, precise
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.scenarios.minimalist.settings import Settings

__all__ = ["compare", "device_of", "holds", "ideal_device", "record_traces"]

Ints = NDArray[np.int64]
IN_A_ROW = 8  # test samples of the traces, one after another without a pause
METRICS = ("test_accuracy", "agreement", "drawn_fj", "lost_fj")
UNITS = 3  # whose traces are kept


def device_of(settings: "Settings", run: Run) -> Minimalist | None:
    """Return the circuit that a run asks for, None for none.

    Raises
    ------
    ConfigError
        If it asks for other hardware, or for a network that the circuit does not hold.
    """
    from eventsim.hardware.named import by_name

    if run.hardware in (None, "ideal"):
        if settings.in_the_loop:
            raise ConfigError("in_the_loop=true needs a circuit: --hardware minimalist[,key=value]")
        return None
    device = by_name(str(run.hardware), device_seed=run.seed)
    if not isinstance(device, Minimalist):
        raise ConfigError(f"minimalist runs on the circuit 'minimalist' only, got --hardware {run.hardware}")
    if settings.compared or not holds(settings):
        got = "compared" if settings.compared else f"constraints={settings.constraints!r}"
        raise ConfigError(f"the circuit computes networks with constraints='all', got {got}")
    return device


def ideal_device(settings: "Settings") -> Minimalist:
    """Return the circuit without imperfections that computes what the software does."""
    return Minimalist(rounding=settings.rounding)


def holds(settings: "Settings") -> bool:
    """Return whether the circuit can hold the network."""
    return settings.constraints in ("weights", "all")


def predictions(circuit: Circuit, x: Any) -> Ints:
    """Return the classes that a circuit tells at the last step."""
    found: Ints = circuit.forward(x)[-1].argmax(axis=-1)
    return found


def compare(
    settings: "Settings", run: Run, task: Task, nets: list[Sequential], device: Minimalist, prefix: str
) -> None:
    """Put accuracy on a circuit into the run, and the part of predictions that equal the software's.

    Metrics, means over the networks: ``PREFIX_test_accuracy``, ``PREFIX_agreement``, and of one step of one
    core ``PREFIX_drawn_fj`` and ``PREFIX_lost_fj``.
    """
    n = settings.circuit_samples or task.size("test")
    x, labels = shown(task, "test", n), task.labels("test")[:n]
    rows: dict[str, list[float]] = {name: [] for name in METRICS}
    for k, net in enumerate(nets):
        exact = precise(settings, net)
        software = exact.forward(x)[-1].argmax(axis=-1)
        exact.forget()
        circuit = Circuit(exact, replace(device, device_seed=device.device_seed + k))
        found = predictions(circuit, x)
        rows["test_accuracy"].append(float((found == labels).mean()))
        rows["agreement"].append(float((found == software).mean()))
        for kind in ("drawn", "lost"):
            rows[f"{kind}_fj"].append(circuit.energies[kind] / circuit.core_steps)
    for name, row in rows.items():
        put(run, f"{prefix}_{name}", np.array(row))


def record_traces(
    settings: "Settings", run: Run, task: Task, net: Sequential, device: Minimalist | None
) -> None:
    """Put states and outputs of the first layer into the run: software, ideal circuit, and a real one.

    The real one is the device of the run, else a circuit with 1 % of mismatch and thermal noise. Arrays
    ``traces/KIND/states`` and ``traces/KIND/outputs`` are (time, units), ``traces/thresholds`` (units,);
    metrics ``trace_correlation_ideal`` and ``trace_correlation_real`` are of all units of the layer.
    """
    exact = precise(settings, net)
    samples = shown(task, "test", IN_A_ROW)
    x = np.ascontiguousarray(samples.transpose(1, 0, 2).reshape(-1, 1, samples.shape[2]))
    layer = gates(exact)[0]
    states = layer.gates_and_states(x)[1][:, 0]
    used = layer.used()
    # Those that move most about their thresholds: others have outputs that never change.
    change = np.abs(np.diff(states > used["threshold"], axis=0)).sum(axis=0)
    units = np.sort(np.argsort(-change, kind="stable")[:UNITS])
    run.parameter("traces/thresholds", used["threshold"][units])
    run.parameter("traces/units", units)
    real = device or replace(ideal_device(settings), mismatch=0.01, temperature=300.0)
    kinds: dict[str, Any] = {"software": states}
    outputs: dict[str, Any] = {"software": states > used["threshold"]}
    for kind, each in (("ideal", ideal_device(settings)), ("real", real)):
        traces = Circuit(exact, each).run(x)
        kinds[kind], outputs[kind] = traces.states[0][:, 0], traces.outputs[0][:, 0]
        run.metric(f"trace_correlation_{kind}", _correlation(states, kinds[kind]))
    for kind, values in kinds.items():
        run.parameter(f"traces/{kind}/states", values[:, units])
        run.parameter(f"traces/{kind}/outputs", outputs[kind][:, units].astype(np.uint8))


def _correlation(one: Any, other: Any) -> float:
    return float(np.corrcoef(one.ravel(), other.ravel())[0, 1])
