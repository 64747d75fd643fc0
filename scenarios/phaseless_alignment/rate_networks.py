"""The rate version: layered networks of prospective neurons that classify images or compress them.

Errors come from the output of the tick before and wait a tick at each layer; they do not enter potentials
(gamma = 0). Feedback weights are learned from noise, copied, or random; or errors go from the output to every
layer at once, through random weights (DFA).
"""

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim import rng as streams
from eventsim.models.training.batches import Batch
from eventsim.models.training.continuous_learner import SimulationLearner
from eventsim.models.training.learner import BatchMetrics
from eventsim.models.training.task import Task
from eventsim.scenarios.phaseless_alignment.angles import degrees
from eventsim.scenarios.phaseless_alignment.settings import Settings
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Network, Simulation

EVALUATED = 500  # samples side by side


def names(config: Settings) -> list[str]:
    """Return the names of the layers, the input first."""
    return ["image", *(f"hidden{k}" for k in range(1, len(config.hidden) + 1)), "label"]


def activations(config: Settings) -> list[str]:
    """Return phi of each layer after the input: the output is linear, and so is a code of two numbers."""
    return [*("linear" if n == 2 else config.activation for n in config.hidden), "linear"]


def network(config: Settings, sizes: tuple[int, ...], seed: int, *, learning: bool = True) -> "Network":
    """Return the network, with plasticity or without."""
    from eventsim import Network, models

    net, layers, std = Network(seed=seed), names(config), config.weight_std
    net.add("image", models.RateInput(), sizes[0])
    for name, n, phi in zip(layers[1:], sizes[1:], activations(config), strict=True):
        net.add(name, models.LatentEquilibrium(config.tau, config.tau, activation=phi, gamma=0.0), n)
    direct = config.algorithm == "dfa"
    for k, (pre, post) in enumerate(pairwise(layers)):
        shape = sizes[k], sizes[k + 1]
        weight, bias = (
            streams.stream(seed, what, pre).normal(0, std, size)
            for what, size in (("weight", shape), ("bias", shape[1]))
        )
        feedback: Any = True
        if direct:
            feedback = False
        elif k and config.algorithm != "bp":
            feedback = streams.stream(seed, "feedback", pre).normal(
                0, config.feedback_std or std, shape[::-1]
            )
        projection = net.connect(pre, post, weight=weight, bias=bias, feedback=feedback)
        if learning:
            add_rules(net, config, projection.name, k)
    if direct:
        for pre, n in zip(layers[1:-1], sizes[1:-1], strict=True):
            way = streams.stream(seed, "feedback", pre).normal(0, config.feedback_std or std, (sizes[-1], n))
            net.connect("label", pre, weight=way, variable="error", receptor="error", feedback=False)
    return net


def feedback_names(net: "Network") -> list[str]:
    """Return the names of projections that send errors back, or down from the output."""
    own = [it for it in net.projections if it.rates is not None and it.rates.own_feedback]
    direct = [it for it in net.projections if it.rates is not None and it.rates.variable == "error"]
    return [*(f"{it.name} feedback" for it in own), *(it.name for it in direct)]


def add_rules(net: "Network", config: Settings, projection: str, k: int) -> None:
    """Let the k-th projection with weights learn, and its feedback, which all but the first have."""
    net.add_plasticity(projection, _forward_rule(config, k))
    if k and config.algorithm in ("pal", "noise") and config.sigma > 0:
        net.add_plasticity(f"{projection} feedback", _feedback_rule(config, k - 1))


def _forward_rule(config: Settings, k: int) -> Any:
    from eventsim.models.plasticity import ErrorTimesRate
    from eventsim.models.plasticity.noise import not_shorter

    rate = config.learning_rate * _factor(config.lr_factors, k)
    if not config.tau_low_pass:
        return ErrorTimesRate(rate)
    not_shorter(config.tau_low_pass, config.dt, "tau_low_pass")
    share = config.dt / config.tau_low_pass
    return ErrorTimesRate(rate * share, optimiser="momentum", momentum=1 - share)


def _feedback_rule(config: Settings, k: int) -> Any:
    from eventsim.models.plasticity import OrnsteinUhlenbeck, PhaselessAlignment

    noise = OrnsteinUhlenbeck(config.sigma, config.tau_noise, config.noise_update, config.noise_amplitude)
    rate = config.rate_feedback * _factor(config.feedback_factors, k) if config.algorithm == "pal" else 0.0
    return PhaselessAlignment(noise, rate, config.decay, config.tau_high_pass, config.regulariser)


def _factor(factors: tuple[float, ...], k: int) -> float:
    return factors[min(k, len(factors) - 1)]


class RateLearner(SimulationLearner):
    """A network that learns from batches of images; nothing is reset in between.

    Parameters
    ----------
    config : Settings
    task : Task
    sizes : tuple of int
    seed : int
    ticks : int
        Of a presentation.

    Attributes
    ----------
    layers : names of all layers, the input first.
    weighted : names of the layers before and after each projection that learns, the lowest first.
    """

    layers: list[str]
    weighted: list[tuple[str, str]]

    def __init__(self, config: Settings, task: Task, sizes: tuple[int, ...], seed: int, ticks: int) -> None:
        self.config, self.task, self.sizes, self.seed, self.ticks = config, task, sizes, seed, ticks
        self.compresses = config.task == "autoencoder"
        if not config.maps:
            self.layers = names(config)
            self.weighted = list(pairwise(self.layers))
        super().__init__(self.simulation(min(config.batch, task.size("train"))))

    def built(self, *, learning: bool) -> "Network":
        """Return the network, with plasticity or without."""
        return network(self.config, self.sizes, self.seed, learning=learning)

    def projections(self) -> list[str]:
        """Return the names of all projections with weights, those of feedback included."""
        net = self.built(learning=False)
        return [*(f"{pre}->{post}" for pre, post in self.weighted), *feedback_names(net)]

    @property
    def readout_ticks(self) -> int:
        """Ticks of a sample before it is read: rates are prospective, a tick a layer."""
        return len(self.sizes) + 2

    def prepare(self, sim: "Simulation") -> None:
        """Change a simulation that is to be read, once it has the present weights."""

    def simulation(self, batch: int, *, learning: bool = True) -> "Simulation":
        """Return a simulation of the network with its first weights."""
        from eventsim import Simulation

        config = self.config
        return Simulation(self.built(learning=learning), dt=config.dt, batch=batch, dtype=config.precision)

    def step(self, batch: Batch) -> BatchMetrics:
        """Show the samples of a batch with their targets."""
        images = np.asarray(self.task.shown("train", batch.samples), float)
        target = images if self.compresses else np.eye(10)[self.task.labels("train")[batch.samples]]
        self.sim.set_input("image", images)
        self.sim.nudge("label", target, self.config.beta)
        self.sim.run_ticks(self.ticks)
        answer = self.sim.array("label", "rate")
        return BatchMetrics(len(images), {"train_loss": 0.5 * ((target - answer) ** 2).sum()})

    def evaluate(self, epoch: int) -> dict[str, Any]:
        """Return angles and the quality on the validation set, now and then."""
        config = self.config
        if (epoch + 1) % config.recorded_every and epoch + 1 < config.epochs:
            return {}
        return {"epoch": epoch + 1, **self.measured()}

    def measured(self) -> dict[str, Any]:
        """Return angles of feedback to transposed forward weights, and the quality on the validation set."""
        found: dict[str, Any] = {"alignment_degrees": self.angles()}
        if self.compresses:
            return found | {"validation_error": self.reconstruction("validation")}
        return found | {"validation_accuracy": self.accuracy("validation")}

    def angles(self) -> Floats:
        """Return the angle of each hidden layer's feedback to the transposed weights, lowest layer first."""
        angles = []
        for pre, post in self.weighted[1:]:
            up = self.sim.weights(f"{pre}->{post}")
            up = up.T if up.ndim == 2 else up  # kernels lie as those of the feedback do
            if self.config.algorithm == "dfa":
                angles.append(degrees(self.sim.weights(f"label->{pre}"), up) if post == "label" else 90.0)
            elif self.config.algorithm == "bp":
                angles.append(0.0)
            else:
                angles.append(degrees(self.sim.weights(f"{pre}->{post} feedback"), up))
        return np.array(angles)

    def rates(self, split: str, layers: tuple[str, ...], most: int | None = None) -> dict[str, Floats]:
        """Return rates of layers after a presentation without target and noise, shape (n, units)."""
        n = self.task.size(split) if most is None else min(most, self.task.size(split))
        batch = min(EVALUATED, n)
        sim = self.simulation(batch, learning=False)
        for pre, post in self.weighted:
            name = f"{pre}->{post}"
            sim.set_weights(name, self.sim.weights(name), self.sim.bias(name))
        self.prepare(sim)
        found: dict[str, list[Floats]] = {name: [] for name in layers}
        for start in range(0, n, batch):
            samples = np.arange(start, min(start + batch, n))
            sim.set_input("image", self.task.shown(split, np.resize(samples, batch)))
            sim.run_ticks(self.readout_ticks)
            for name in layers:
                found[name].append(sim.array(name)[: len(samples)])
        return {name: np.concatenate(parts) for name, parts in found.items()}

    def accuracy(self, split: str) -> float:
        """Return the fraction of samples whose class has the largest output."""
        answers = self.rates(split, ("label",))["label"].argmax(axis=1)
        return float((answers == self.task.labels(split)).mean())

    def reconstruction(self, split: str) -> float:
        """Return the mean squared difference of images and outputs."""
        found = self.rates(split, ("label",))["label"]
        images = np.asarray(self.task.shown(split, np.arange(len(found))), float)
        return float(((found - images) ** 2).mean())
