"""Primate reaching: the velocity of a fingertip from spikes of motor cortex, at each step of 4 ms.

Each session stands alone. Of its reaches, in their order, the first half trains, the next quarter validates,
the last quarter tests; test steps are heard as one stream, as a decoder in use hears them. Spiking units with
leaky readouts are trained on pieces of the stream, and the epoch with the smallest loss on validation counts.
Beside them stands a linear map of the same inputs, with a ridge penalty that validation chooses. Scores
are R2, the mean of both directions (Yik et al. 2025); the sessions are those of O'Doherty et al. 2017.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim.io.datasets.sets import primate_reaching as published
from eventsim.io.neurobench import Dense, Workload, evaluate
from eventsim.models.neurobench import SequenceModel
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

if TYPE_CHECKING:
    from eventsim.scenarios.neurobench.settings import Settings

__all__ = ["LinearMap", "decode", "generated", "parts"]

PIECE = 250  # steps of a training sequence: 1 s
PENALTIES = 10.0 ** np.arange(0, 7)
COSTS = ("Footprint", "ConnectionSparsity", "ActivationSparsity")
OPERATIONS = ("Dense", "Effective_MACs", "Effective_ACs")
Session = tuple[NDArray[np.float32], Floats, Ints]


def decode(settings: "Settings", run: Run) -> None:
    """Put scores by session into the run, their means by animal, and what the spiking decoder costs."""
    found: dict[str, Any] = dict(run.state["found"]) if run.state else {}
    sessions: tuple[str, ...] = settings.sessions
    with run.progress(len(sessions), "session", len(found)) as bar:
        for name in sessions:
            if name in found:
                continue
            session = _session(run, name)
            run.checkpoint(lambda: {"found": found})
            found[name] = _decoded(settings, run, name, session)
            bar.update(1)
    for decoder in ("spiking", "linear"):
        for animal in dict.fromkeys(name.split("_")[0] for name in sessions):
            own = [found[name][decoder] for name in sessions if name.startswith(animal)]
            run.metric(f"r2_{decoder}_{animal}", float(np.mean(own)))
        run.metric(f"r2_{decoder}", float(np.mean([each[decoder] for each in found.values()])))
        scores = np.array([found[name][decoder] for name in sessions])
        run.parameter(f"reaching/r2_{decoder}", scores)
    for k, name in enumerate((*COSTS, *OPERATIONS)):
        run.metric(name, float(np.mean([found[each]["costs"][k] for each in sessions])))
    last = found[sessions[-1]]
    run.parameter("reaching/velocity", last["velocity"])
    run.parameter("reaching/decoded", last["decoded"])


def parts(reaches: Ints, n_steps: int) -> tuple[slice, slice, slice]:
    """Return the steps of training, validation and test: half, a quarter and a quarter of the reaches.

    Raises
    ------
    ValueError
        If there are less than four reaches.
    """
    if len(reaches) < 4:
        raise ValueError(f"a session needs at least four reaches to be parted, got {len(reaches)}")
    half, third = int(reaches[len(reaches) // 2]), int(reaches[3 * len(reaches) // 4])
    return slice(0, half), slice(half, third), slice(third, n_steps)


def generated(seed: int, n_steps: int = 12_000, channels: int = 48) -> Session:
    """Return a session of units with cosine tuning: spikes in windows, velocities, and starts of reaches.

    Each reach takes a second with a bell-shaped speed in a random direction; a unit fires at
    12 + 10 s cos(angle - preferred) per second, s the speed over its largest, 40 ms ahead.
    """
    rng = np.random.default_rng(seed)
    reaches = np.arange(0, n_steps, PIECE)
    angle = np.repeat(rng.uniform(0, 2 * np.pi, len(reaches)), PIECE)[:n_steps]
    speed = np.tile(np.sin(np.pi * np.arange(PIECE) / PIECE) ** 2, len(reaches))[:n_steps]
    preferred = rng.uniform(0, 2 * np.pi, channels)
    ahead = np.minimum(np.arange(n_steps) + 10, n_steps - 1)
    rate = 12 + 10 * speed[ahead, None] * np.cos(angle[ahead, None] - preferred)
    spiked = rng.random((n_steps, channels)) < rate * published.STEP
    total = np.concatenate([np.zeros((1, channels)), spiked.cumsum(axis=0)])
    first = np.maximum(np.arange(n_steps) + 1 - published.WINDOW, 0)
    counts = total[1:] - total[first]
    velocity = speed[:, None] * np.column_stack([np.cos(angle), np.sin(angle)])
    return counts.astype(np.float32), velocity, reaches.astype(np.int64)


class LinearMap:
    """A linear map of the counts of each step, with a constant; see `eventsim.io.neurobench.Model`."""

    def __init__(self, x: Floats, y: Floats, penalty: float) -> None:
        self.mean = x.mean(axis=0)
        centred = x - self.mean
        gram = centred.T @ centred + penalty * np.eye(x.shape[1])
        weight = np.linalg.solve(gram, centred.T @ (y - y.mean(axis=0)))
        self.parameters = {"weight": weight, "bias": y.mean(axis=0) - self.mean @ weight}
        self.buffers: dict[str, Any] = {}
        self.connections = {"weight": Dense(weight)}

    def infer(self, samples: Any, workload: Workload) -> Floats:
        """Return the velocities, shape (steps, 2)."""
        workload.connection("weight", np.asarray(samples)[:, None])
        found: Floats = samples @ self.parameters["weight"] + self.parameters["bias"]
        return found


def _session(run: Run, name: str) -> Session:
    if not run.replacement_data:
        try:
            return published.primate_reaching(name, run.data)
        except FileNotFoundError as missing:
            run.use_replacement_data("generated sessions of units with cosine tuning", missing)
    return generated(int(run.rng("reaching", name).integers(2**31)))


def _decoded(settings: "Settings", run: Run, name: str, session: Session) -> dict[str, Any]:
    """Return the scores of both decoders, and the velocities of the last part."""
    counts, velocity, reaches = session
    train, validation, test = parts(reaches, len(counts))
    size = velocity[train].std(axis=0)
    y = velocity / np.where(size > 0, size, 1)
    model = _spiking(settings, run, name, counts, y, train, validation)
    measured = dict(evaluate(model, [(counts[None, test], y[test])], ("R2",)))
    linear = max(
        (LinearMap(counts[train].astype(np.float64), y[train], penalty) for penalty in PENALTIES),
        key=lambda each: _r2(each, counts[validation], y[validation]),
    )
    costs = [measured[key] for key in COSTS] + [measured["SynapticOperations"][key] for key in OPERATIONS]
    return {
        "spiking": measured["R2"],
        "linear": _r2(linear, counts[test], y[test]),
        "costs": np.array(costs, np.float64),
        "velocity": y[test],
        "decoded": model.infer(counts[None, test], Workload(model.connections)),
    }


def _spiking(
    settings: "Settings", run: Run, name: str, counts: Any, y: Floats, train: slice, validation: slice
) -> SequenceModel:
    """Return a trained network of spiking units."""
    from eventsim.models import SequenceRegressor

    learner = SequenceRegressor(
        "lif",
        hidden=settings.reaching_hidden,
        dt=4.0,
        tau=settings.reaching_tau,
        readout="each_step",
        epochs=settings.reaching_epochs,
        learning_rate=settings.reaching_learning_rate,
        random_state=int(run.rng("reaching-network", name).integers(2**31)),
        threads=run.threads,
        progress=False,
    )
    learner.fit(*_pieces(counts[train], y[train]), validation=_pieces(counts[validation], y[validation]))
    return SequenceModel(learner.model_, _stream)


def _pieces(x: Any, y: Any) -> tuple[Any, Any]:
    """Cut a stream into training sequences; what is left over at its end is not used."""
    n = len(x) // PIECE
    if not n:
        raise ValueError(f"a part of a session needs at least {PIECE} steps, got {len(x)}")
    return x[: n * PIECE].reshape(n, PIECE, -1), y[: n * PIECE].reshape(n, PIECE, -1)


def _stream(outputs: Floats, lengths: Any = None) -> Floats:
    """Return the velocities of one stream, shape (steps, 2)."""
    return outputs[:, 0].astype(np.float64)


def _r2(model: LinearMap, x: Any, y: Floats) -> float:
    return float(evaluate(model, [(x, y)], ("R2",))["R2"])
