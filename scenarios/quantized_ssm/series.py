"""Streams of the Mackey-Glass series: one-step prediction with rounded poles and states without a clip.

    error of step t     y[t] - x[t + 1], both divided by the spread of x
    NRMSE               root of the mean square of the errors, over steps and streams

A rounded pole outside the unit circle lets states grow without bound: the longer the stream, the worse. Poles
rounded by radius and phase stay inside. All else is in full precision, so that nothing but poles differs.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.models.layers import Sequential
from eventsim.models.training.task import Task
from eventsim.scenarios.quantized_ssm.network import FULL, rounded, s4d_layers
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.scenarios.quantized_ssm.settings import Settings

__all__ = ["BITS", "SCHEMES", "STEPS", "measure", "task"]

SCHEMES: dict[str, Any] = {"cartesian": "asymmetric", "log_polar": "log_polar"}
BITS = (10, 8, 6)
STEPS, WINDOW = (
    2000,
    100,
)  # of a stream; steps whose errors are taken together, the first of which do not count
STREAMS = {"train": 24, "validation": 4, "test": 4}
SETTLED = 1000  # steps of the series before the first stream
NO_CLIP = 1e30  # of states: larger than any of them, so that it never acts


def task(settings: "Settings") -> Task:
    """Return streams of one series after another, and at each step the next value, both standardised."""
    from eventsim.scenarios.generalized_latent_equilibrium.chaotic_series import mackey_glass

    each = {
        "train": settings.train_samples or STREAMS["train"],
        **{k: STREAMS[k] for k in ("validation", "test")},
    }
    series = mackey_glass(SETTLED + STEPS * sum(each.values()) + 1)[SETTLED:]
    learned = series[: STEPS * each["train"]]
    series = (series - learned.mean()) / learned.std()
    sets, first = {}, 0
    for split, n in each.items():
        last = first + STEPS * n
        sets[split] = (
            series[first:last].reshape(n, STEPS, 1).astype(np.float32),
            series[first + 1 : last + 1].reshape(n, STEPS, 1).astype(np.float32),
        )
        first = last
    return Task("mackey-glass", 1, 1, sets)  # numbers in place of classes


def measure(settings: "Settings", run: Run, task: Task, trained: Sequential) -> None:
    """Put the errors of the network and of its rounded forms, step by step, into the run.

    Metrics: ``nrmse_full``, and for each scheme and bits ``nrmse_SCHEME_BITS``, ``largest_pole_SCHEME_BITS``,
    ``largest_state_SCHEME_BITS``. Arrays: ``stream/nrmse`` and ``stream/state`` (schemes, bits, windows).
    """
    everything: dict[str, Any] = {
        f"{part}_bits": FULL for part in ("pole", "state", "matrix", "weight", "activation")
    }
    plain = replace(settings, **everything, clip=NO_CLIP)
    exact, states = _errors(rounded(plain, 1, trained), task)
    run.metric("nrmse_full", _nrmse(exact))
    run.metric("largest_state_full", float(states.max()))
    run.parameter("stream/nrmse_full", _by_window(exact))
    found = np.zeros((2, len(SCHEMES), len(BITS), STEPS // WINDOW))
    with run.progress(len(SCHEMES) * len(BITS), "network", 0) as bar:
        for s, (name, scheme) in enumerate(SCHEMES.items()):
            for b, bits in enumerate(BITS):
                network = rounded(replace(plain, pole_bits=bits, scheme=scheme), 1, trained)
                errors, states = _errors(network, task)
                radius = max(float(np.abs(layer.used()[0]).max()) for layer in s4d_layers(network))
                run.metric(f"nrmse_{name}_{bits}", _nrmse(errors))
                run.metric(f"largest_pole_{name}_{bits}", radius)
                run.metric(f"largest_state_{name}_{bits}", float(states.max()))
                found[0, s, b], found[1, s, b] = _by_window(errors), states.reshape(-1, WINDOW).max(axis=1)
                bar.update(1)
    run.parameter("stream/nrmse", found[0])
    run.parameter("stream/state", found[1])
    run.parameter("stream/bits", np.array(BITS))


def _errors(network: Sequential, task: Task) -> tuple[Any, Any]:
    """Return errors (steps, streams) and the largest part of a state at each step, of the test set."""
    x = np.ascontiguousarray(np.moveaxis(task.shown("test", slice(None)), 1, 0), network.dtype)
    wanted = np.moveaxis(task.labels("test"), 1, 0)[..., 0]
    places = [place for place, layer in network.all_layers() if layer in s4d_layers(network)]
    state, errors, largest = network.init_state(x.shape[1]), np.zeros(wanted.shape), np.zeros(len(x))
    for t, x_t in enumerate(x):
        y, state = network.step(x_t, state)
        errors[t] = y[:, 0].astype(np.float64) - wanted[t]
        for place in places:
            own: Any = state
            for key in place.split("/"):
                own = own[key]
            largest[t] = max(largest[t], float(np.abs(own["x"]).max()))
    return errors, largest


def _nrmse(errors: Any) -> float:
    """Return the error of all steps but those of the first window; values have a spread of 1."""
    return float(np.sqrt((errors[WINDOW:] ** 2).mean()))


def _by_window(errors: Any) -> Any:
    """Return the error of each window."""
    return np.sqrt((errors.reshape(-1, WINDOW * errors.shape[1]) ** 2).mean(axis=1))
