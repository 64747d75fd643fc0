"""The dendritic microcircuit: bars in 3 x 3 images, and a student that mimics a teacher."""

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import rng as streams
from eventsim.models.training.batches import Batch, Batches, Streams
from eventsim.models.training.continuous_learner import SimulationLearner
from eventsim.models.training.learner import BatchMetrics
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.continuous_training import train
from eventsim.scenarios.latent_equilibrium.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

if TYPE_CHECKING:
    from eventsim import Network, Simulation

RATE_HIDDEN, RATE_OUTPUT, RATE_INTER = 0.05, 0.01, 0.02  # per ms, with presentations of 10 ms
LIMIT_HIDDEN, LIMIT_OUTPUT = 4.0, 5.0
HIGH, LOW = 1.0, 0.1  # target potentials
EVALUATED_EVERY = 10  # epochs
LAGS = ((0.3, 0.0), (0.5, 0.2), (1.0, 0.5), (2.0, 1.0), (5.0, 2.0), (10.0, 5.0), (20.0, 15.0), (50.0, 40.0))
MIMIC_PER_EPOCH, MIMIC_PRETRAINED = 20, 3
MIMIC_RATES = {"image->hidden": 50.0, "hidden->label": 10.0, "hidden->inter": 20.0, "inter->hidden": 0.0}
PREDICTION_RATES = {"image->hidden": 0.0, "hidden->label": 0.0, "hidden->inter": 40.0, "inter->hidden": 50.0}


def bars() -> tuple[Floats, Ints]:
    """Return the eight images, shape (8, 9), and their classes: horizontal, vertical, diagonal."""
    images = np.zeros((8, 3, 3))
    for k in range(3):
        images[k, k, :] = 1
        images[3 + k, :, k] = 1
    images[6], images[7] = np.eye(3), np.eye(3)[::-1]
    return images.reshape(8, 9), np.array([0, 0, 0, 1, 1, 1, 2, 2])


def initial_weights(sizes: tuple[int, int, int], seed: int) -> dict[str, Floats]:
    """Return uniform weights in [-1, 1], and those of interneurons that predict themselves."""
    from eventsim.models.prospective.microcircuit import self_predicting

    def drawn(name: str, shape: tuple[int, int]) -> Floats:
        found: Floats = streams.stream(seed, "weight", name).uniform(-1, 1, shape)
        return found

    n_in, n_hidden, n_out = sizes
    weights = {
        "image->hidden": drawn("image->hidden", (n_in, n_hidden)),
        "hidden->label": drawn("hidden->label", (n_hidden, n_out)),
        "label->hidden": drawn("label->hidden", (n_out, n_hidden)),
    }
    inter, to_inter = self_predicting(weights["hidden->label"], weights["label->hidden"])
    return weights | {"inter->hidden": inter, "hidden->inter": to_inter}


def circuit(
    sizes: tuple[int, int, int],
    weights: dict[str, Floats],
    prospective: bool,
    rates: dict[str, float],
    seed: int = 0,
) -> "Network":
    """Return the circuit of one hidden layer; `rates` says what learns."""
    from eventsim import Network, models
    from eventsim.models.prospective.microcircuit import Interneuron, OutputCell, PyramidalCell

    net = Network(seed=seed)
    net.add("image", models.RateInput(), sizes[0])
    net.add("target", models.RateInput(), sizes[2])
    net.add("taught", models.RateInput(), 1)
    net.add("hidden", PyramidalCell(prospective), sizes[1])
    net.add("inter", Interneuron(prospective), sizes[2])
    net.add("label", OutputCell(prospective), sizes[2])
    one = np.eye(sizes[2])
    net.connect("image", "hidden", weight=weights["image->hidden"], receptor="basal")
    net.connect("label", "hidden", weight=weights["label->hidden"], receptor="apical")
    net.connect("inter", "hidden", weight=weights["inter->hidden"], receptor="apical")
    net.connect("hidden", "inter", weight=weights["hidden->inter"], receptor="dendrite")
    net.connect("label", "inter", weight=one, variable="prospective", receptor="soma")
    net.connect("hidden", "label", weight=weights["hidden->label"], receptor="basal")
    net.connect("target", "label", weight=one, receptor="target")
    net.connect("taught", "label", weight=1.0, receptor="taught")
    for name, rate in rates.items():
        post = "apical_error" if name == "inter->hidden" else "basal_error"
        net.add_plasticity(name, models.plasticity.ErrorTimesRate(learning_rate=rate, bias=0.0, post=post))
    return net


def bars_rates(duration: float) -> dict[str, float]:
    """Return the learning rates for presentations of a duration in ms."""
    faster = 10.0 / duration
    return {
        "image->hidden": RATE_HIDDEN * faster,
        "hidden->label": RATE_OUTPUT * faster,
        "hidden->inter": RATE_INTER * faster,
    }


def clip(sim: "Simulation") -> None:
    """Keep the weights to basal dendrites within their limits."""
    for name, limit in (("image->hidden", LIMIT_HIDDEN), ("hidden->label", LIMIT_OUTPUT)):
        weight = sim.weights(name)
        if np.abs(weight).max() > limit:
            sim.set_weights(name, np.clip(weight, -limit, limit))


def lag(duration: float, prospective: bool) -> float:
    """Return how long the outputs of a presentation are left out of its answer, in ms."""
    if prospective:
        return 0.0
    return next((lag for longest, lag in LAGS if duration <= longest * (1 + 1e-9)), 80.0)


def answers(sim: "Simulation", prospective: bool, dt: float, ticks: int) -> Ints:
    """Return the class that each image gets without a target, all of them shown side by side."""
    from eventsim import Simulation

    images, _ = bars()
    weights = {name: sim.weights(name) for name in ("image->hidden", "hidden->label", "label->hidden",
                                                    "inter->hidden", "hidden->inter")}  # fmt: skip
    test = Simulation(
        circuit((9, weights["image->hidden"].shape[1], 3), weights, prospective, {}), dt=dt, batch=8
    )
    test.record("label", "rate", every=dt)
    test.set_input("image", images)
    test.run_ticks(ticks)
    rates = test.trace("label", "rate").values
    first = ticks - 1 if prospective else min(round(lag(ticks * dt, False) / dt), ticks - 1)
    return np.asarray(rates[first:].mean(axis=0).argmax(axis=1))


class BarsLearner(SimulationLearner):
    """The circuit that learns the bars, one image after the other; nothing is reset in between.

    Parameters
    ----------
    sim : Simulation
    prospective : bool
    ticks, epochs : int
        Of a presentation; passes over the images, after the last of which it is always evaluated.
    """

    def __init__(self, sim: "Simulation", prospective: bool, ticks: int, epochs: int) -> None:
        super().__init__(sim)
        self.prospective, self.ticks, self.epochs = prospective, ticks, epochs
        self.images, self.labels = bars()

    def step(self, batch: Batch) -> BatchMetrics:
        """Show one image and its target."""
        k = batch.samples[0]
        self.sim.set_input("taught", [1.0])
        self.sim.set_input("image", self.images[k])
        self.sim.set_input("target", np.where(np.arange(3) == self.labels[k], HIGH, LOW))
        self.sim.run_ticks(self.ticks)
        clip(self.sim)
        return BatchMetrics(1)

    def evaluate(self, epoch: int) -> dict[str, float]:
        """Return epoch and accuracy, now and then."""
        if (epoch + 1) % EVALUATED_EVERY and epoch + 1 < self.epochs:
            return {}
        return {"epoch": epoch + 1, "accuracy": self.accuracy()}

    def accuracy(self) -> float:
        """Return the fraction of images that are answered correctly without a target."""
        classes = answers(self.sim, self.prospective, self.sim.dt, self.ticks)
        return float((classes == self.labels).mean())


def bars_task(config: Settings, run: Run) -> None:
    """Learn the bars."""
    from eventsim import Simulation

    sizes, prospective, dt, ticks = (9, 30, 3), config.prospective, config.dt, config.ticks
    net = circuit(sizes, initial_weights(sizes, run.seed), prospective, bars_rates(ticks * dt), run.seed)
    sim = Simulation(net, dt=dt)
    learner = BarsLearner(sim, prospective, ticks, config.epochs)

    def say(trainer: Trainer, metrics: dict[str, Any]) -> None:
        if trainer.epoch % 100 == 0:
            run.say(f"epoch {trainer.epoch}: accuracy {metrics['accuracy']:.3f}")

    batches = Batches(8, 1, lambda epoch: run.rng("order", epoch).permutation(8))
    train(run, Trainer(learner, batches, epochs=config.epochs, callbacks=[say]))
    run.metric("accuracy", learner.accuracy())
    for projection in net.projections:
        run.parameter(f"weight/{projection.name}", sim.weights(projection.name))


class MimicLearner(SimulationLearner):
    """A student of one cell a layer: it learns to predict itself first, then to answer as its teacher does.

    Parameters
    ----------
    sim : Simulation
    teacher : mapping of str to ndarray
        Weights of the teacher, by projection.
    prospective : bool
    ticks : int
        Of a presentation.
    rng : callable
        Returns the stream of random numbers for a purpose.
    """

    def __init__(
        self, sim: "Simulation", teacher: dict[str, Floats], prospective: bool, ticks: int, rng: Streams
    ) -> None:
        super().__init__(sim)
        self.teacher, self.prospective, self.ticks, self.rng = teacher, prospective, ticks, rng
        self.held_out = np.linspace(-1, 1, 21)[:, None]
        self.truth = self._answers_of(teacher, self.held_out)
        self._lesson: tuple[int, Floats, Floats] | None = None  # epoch, inputs, answers of the teacher

    def step(self, batch: Batch) -> BatchMetrics:
        """Show one input, after pretraining with the answer of the teacher."""
        pretraining = batch.epoch < MIMIC_PRETRAINED
        for name, rate in (PREDICTION_RATES if pretraining else MIMIC_RATES).items():
            self.sim.set_learning_rate(name, rate)
        if self._lesson is None or self._lesson[0] != batch.epoch:
            x = self.rng("inputs", batch.epoch).uniform(-1, 1, (MIMIC_PER_EPOCH, 1))
            self._lesson = batch.epoch, x, self._answers_of(self.teacher, x)
        _, x, targets = self._lesson
        k = batch.samples[0]
        self.sim.set_input("image", x[k])
        self.sim.set_input("target", targets[k])
        self.sim.set_input("taught", [0.0 if pretraining else 1.0])
        self.sim.run_ticks(self.ticks)
        clip(self.sim)
        return BatchMetrics(1)

    def evaluate(self, epoch: int) -> dict[str, Any]:
        """Return the error on held-out inputs, and the weights."""
        weights = [self.sim.weights(name)[0, 0] for name in self.teacher]
        return {
            "rms_error": np.sqrt(np.mean((self.answers() - self.truth) ** 2)),
            "weights": np.array(weights),
        }

    def answers(self) -> Floats:
        """Return what the student answers to the held-out inputs, shape (n, 1)."""
        return self._answers_of({name: self.sim.weights(name) for name in self.teacher}, self.held_out)

    def _answers_of(self, weights: dict[str, Floats], x: Floats) -> Floats:
        return _potentials(weights, self.prospective, self.sim.dt, self.ticks, x)


def mimic(config: Settings, run: Run) -> None:
    """Learn to predict oneself, then to answer as a teacher of the same kind does; one cell per layer."""
    from eventsim import Simulation

    sizes, own = (1, 1, 1), {"image->hidden": 2.0, "hidden->label": 1.5}
    weights = initial_weights(sizes, run.seed)
    for name in ("inter->hidden", "hidden->inter"):  # self-prediction is learned here
        weights[name] = streams.stream(run.seed, "weight", name).uniform(-1, 1, (1, 1))
    teacher = {name: np.full((1, 1), own.get(name, 0.0)) for name in weights}
    sim = Simulation(circuit(sizes, weights, config.prospective, MIMIC_RATES, run.seed), dt=config.dt)
    learner = MimicLearner(sim, teacher, config.prospective, config.ticks, run.rng)
    train(run, Trainer(learner, Batches(MIMIC_PER_EPOCH, 1), epochs=config.epochs + MIMIC_PRETRAINED))
    student, truth = learner.answers(), learner.truth
    run.parameter("mimic/input", learner.held_out[:, 0])
    run.parameter("mimic/teacher", truth[:, 0])
    run.parameter("mimic/student", student[:, 0])
    run.metric("rms_error", np.sqrt(np.mean((student - truth) ** 2)))
    run.metric("teacher_spread", truth.std())


def _potentials(weights: dict[str, Floats], prospective: bool, dt: float, ticks: int, x: Floats) -> Floats:
    """Return what outputs settle at without a target, shape (n, 1)."""
    from eventsim import Simulation

    sim = Simulation(circuit((1, 1, 1), weights, prospective, {}), dt=dt, batch=len(x))
    sim.set_input("image", x)
    sim.run_ticks(ticks)
    prospectives: Floats = sim.array("label", "prospective")
    return prospectives
