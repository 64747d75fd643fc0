"""What counting the metrics of NeuroBench adds to an inference, by kind of model.

Both ways take turns in one process; the least of all processor times counts, since other
work only adds to them.
"""

import time
from collections.abc import Callable

import numpy as np

from eventsim.io.neurobench import Workload
from eventsim.models import layers
from eventsim.models.layers import Sequential
from eventsim.models.layers.padded_sequences import time_first
from eventsim.models.neurobench import SequenceModel
from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(20.0, 1.0)
N_CHANNELS, N_CLASSES, BATCH = 32, 10, 64


def spiking() -> Sequential:
    """Return three small spiking layers, whose steps do little else than count."""
    return Sequential(
        [
            layers.Linear(32),
            layers.LIF(),
            layers.Linear(32),
            layers.LIF(),
            layers.Linear(N_CLASSES),
            layers.LIF(),
        ]
    )


def wide() -> Sequential:
    """Return three spiking layers of 256 units."""
    hidden = [each for _ in range(2) for each in (layers.Linear(256), layers.LIF())]
    return Sequential([*hidden, layers.Linear(N_CLASSES), layers.LIF()])


def gated() -> Sequential:
    """Return two layers of gated units."""
    return Sequential([layers.MinGRU(64), layers.MinGRU(64), layers.Linear(N_CLASSES)])


def state_space() -> Sequential:
    """Return two state-space layers with their maps."""
    return Sequential(
        [
            layers.Linear(64),
            layers.S4D(64),
            layers.GELU(),
            layers.Linear(64),
            layers.S4D(64),
            layers.Linear(N_CLASSES),
        ]
    )


MODELS: dict[str, Callable[[], Sequential]] = {
    "spiking layers of 32": spiking,
    "spiking layers of 256": wide,
    "gated units": gated,
    "state-space layers": state_space,
}


def summed(y: np.ndarray, *, lengths: np.ndarray | None = None) -> np.ndarray:
    """Return the class with the largest sum over time."""
    found: np.ndarray = y.sum(axis=0).argmax(axis=-1)
    return found


def seconds(model: SequenceModel, x: np.ndarray, *, counted: bool) -> float:
    """Return how long one batch takes."""
    start = time.process_time()
    if counted:
        workload = Workload(model.connections)
        model.infer(x, workload)
        workload.end_batch(len(x))
        workload.results()
    else:
        ordered, lengths = time_first(x, model.model.dtype)
        summed(model.model.forward(ordered, lengths=lengths), lengths=lengths)
        model.model.forget()
    return time.process_time() - start


def run(plan: Plan) -> Rows:
    """Measure inference with and without counting."""
    steps, rounds = plan.pick(100, 20), plan.pick(40, 3) * plan.repeats
    rng = np.random.default_rng(1)
    x = (rng.random((BATCH, steps, N_CHANNELS)) < 0.1).astype(np.float32)
    for name, made in MODELS.items():
        plan.announce(f"counting, {name}")
        built = made()
        built.build(N_CHANNELS, np.random.default_rng(2))
        model = SequenceModel(built, summed)
        times: dict[bool, list[float]] = {False: [], True: []}
        for _ in range(rounds):
            for counted in times:
                times[counted].append(seconds(model, x, counted=counted))
        for counted, system in ((False, "eventsim"), (True, "eventsim, counted")):
            value = 1e6 * min(times[counted])
            yield {"work": f"inference, {name}", "system": system, "n": BATCH, "value": value, "unit": "us"}
