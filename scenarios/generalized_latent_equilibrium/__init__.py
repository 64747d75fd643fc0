"""Generalized Latent Equilibrium: neurons that remember or look ahead, and errors that mirror them in time.

A neuron low-passes its input with tau_mem and its rate looks ahead by tau_r; its error does the inverse, so
that it is of the right age for what the neuron did (Ellenberger et al. 2025). Weights and membrane time
constants are learned online, from error times rate. Tasks: teachers with lags, classification of
sequences, a chaotic series, and the angle between what is learned and the exact gradient; the controls
are errors without dynamics, and neurons without memory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt, Le, MinLen

from eventsim import rng as streams
from eventsim.registry import register
from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Run, Scenario
from eventsim.trace import Floats, Trace

if TYPE_CHECKING:
    from eventsim import Network, Simulation
    from eventsim.scenarios._sequence_training import Sequences, Stream

TASKS = Literal["mnist-1d", "synthetic", "spoken-digits", "mackey-glass", "lag-line", "lag-net", "gradient"]
LAG_LINE: dict[str, object] = {
    "task": "lag-line",
    "dt": 0.01,
    "beta": 0.01,
    "gamma": 1.0,
    "learning_rate": 1e-4,
    "ticks": 400_000,
    "precision": "float64",
}
# As published: small weights at first, sequences in any order, all of a batch beginning at once and without
# a passage, straight lines between their points, the rate halved on a plateau.
PUBLISHED_TRAINING: dict[str, object] = {
    "weight_scale": 1.0,
    "balanced": False,
    "staggered": False,
    "interpolation": "linear",
    "transition_steps": 0,
    "learning_rate": 1e-3,
    "lr_schedule": "plateau",
    "epochs": 150,
}
QUICK: dict[str, object] = {"task": "synthetic", "layers": 2, "epochs": 10}
SYNTHETIC: dict[str, object] = {"task": "synthetic", "layers": 3, "epochs": 20}
SPOKEN: dict[str, object] = {
    "task": "spoken-digits",
    "layers": 3,
    "fast": 30,
    "slow": 120,
    "tau_fast": 2.4,
    "tau_slow": (0.6, 1.2, 1.8, 2.4),
    "tau_r": 0.1,
    "dt": 0.05,
    "ticks": 800,
    "learning_rate": 5e-5,
    "epochs": 15,
}
SPOKEN_PUBLISHED: dict[str, object] = SPOKEN | {
    "fast": 150,
    "slow": 600,
    "balanced": False,
    "staggered": False,
    "interpolation": "linear",
    "transition_steps": 0,
    "weight_scale": 1.0,
    "batch": 256,
    "learning_rate": 2.5e-5,
    "lr_schedule": "plateau",
    "patience": 3,
    "factor": 0.9,
    "epochs": 420,
}
MACKEY_GLASS: dict[str, object] = {
    "task": "mackey-glass",
    "layers": 2,
    "fast": 20,
    "slow": 40,
    "weight_scale": 1.0,
    "learning_rate": 1e-3,
    "epochs": 300,
}
LAG_MEMORY: dict[str, object] = {
    "memory": 4,
    "layers": 2,
    "fast": 60,
    "slow": 0,
    "tau_fast": 2.0,
}
LARGE: dict[str, object] = {"fast": 30, "slow": 60, "learning_rate": 3e-4, "epochs": 30}


@register("scenario", "generalized-latent-equilibrium")
@dataclass(frozen=True, slots=True, kw_only=True)
class GeneralizedLatentEquilibrium(Scenario):
    """Neurons that remember, taught online by errors that mirror them in time: lags, sequences, chaos."""

    paper: ClassVar[str] = "Ellenberger et al. 2025, Backpropagation through space, time, and the brain"
    presets: ClassVar[dict[str, dict[str, object]]] = {
        "mnist-1d-15k": {},
        "mnist-1d-15k-instant-errors": {"errors": "instant"},
        "mnist-1d-15k-instantaneous": {"instantaneous": True},
        "mnist-1d-15k-published": PUBLISHED_TRAINING,
        "mnist-1d-42k": LARGE,
        "mnist-1d-42k-published": LARGE | PUBLISHED_TRAINING | {"learning_rate": 5e-4},
        "mnist-1d-lag-memory": LAG_MEMORY,
        "lag-line": LAG_LINE,
        "lag-line-instant-errors": LAG_LINE | {"errors": "instant"},
        "lag-net": {
            "task": "lag-net",
            "dt": 0.01,
            "gamma": 1e-3,
            "learning_rate": 0.02,
            "ticks": 100_100,
            "precision": "float64",
        },
        "spoken-digits": SPOKEN,
        "spoken-digits-published-size": SPOKEN_PUBLISHED,
        "mackey-glass": MACKEY_GLASS,
        "mackey-glass-instantaneous": MACKEY_GLASS | {"instantaneous": True},
        "gradient": {"task": "gradient", "dt": 0.005, "precision": "float64"},
        "synthetic": SYNTHETIC,
        "synthetic-instant-errors": SYNTHETIC | {"errors": "instant"},
        "synthetic-instantaneous": SYNTHETIC | {"instantaneous": True},
        "quick": QUICK,
        "quick-instant-errors": QUICK | {"errors": "instant"},
        "quick-instantaneous": QUICK | {"instantaneous": True},
    }

    task: Annotated[TASKS, "what is learned or measured"] = "mnist-1d"
    layers: Annotated[int, Ge(1), Le(1000), "hidden layers"] = 6
    fast: Annotated[
        int, Ge(0), Le(10**6), "neurons of a hidden layer that answer at once, tau_r = tau_mem"
    ] = 17
    slow: Annotated[int, Ge(0), Le(10**6), "neurons of a hidden layer that remember, tau_r < tau_mem"] = 36
    tau_fast: Annotated[float, *POSITIVE, "both time constants of the first kind, and of outputs"] = 1.2
    tau_slow: Annotated[
        tuple[Annotated[float, *POSITIVE], ...], MinLen(1), "tau_mem of the second kind, in equal groups"
    ] = (0.6, 1.2)
    tau_r: Annotated[float, *POSITIVE, "tau_r of the second kind"] = 0.2
    memory: Annotated[int, Ge(0), "fixed layers of 10 lagging neurons in front"] = 0
    errors: Annotated[Literal["dynamic", "instant"], "instant is the control: e = phi' W^T e"] = "dynamic"
    instantaneous: Annotated[bool, "true is the control: tau_r = tau_mem everywhere"] = False
    dt: Annotated[float, *POSITIVE, "tick"] = 0.2
    ticks: Annotated[int, Ge(1), "of a sequence; of the whole run for the teachers"] = 360
    beta: Annotated[float, Gt(0), Le(10), "strength of nudging"] = 1.0
    gamma: Annotated[float, *NOT_NEGATIVE, "how strongly errors enter the membranes"] = 0.0
    weight_scale: Annotated[float, *POSITIVE, "first weights: within this / sqrt(number of inputs)"] = 2.5
    batch: Annotated[int, Ge(1), "samples shown side by side"] = 100
    staggered: Annotated[bool, "sequences of a batch begin one after the other, not together"] = True
    balanced: Annotated[bool, "each batch has as many sequences of each class"] = True
    learning_rate: Annotated[float, *POSITIVE, "of Adam per tick; of the teachers' nets as in the paper"] = (
        5e-4
    )
    lr_schedule: Annotated[
        Literal["plateau", "cosine"], "of the learning rate; plateau: falls where the loss stays"
    ] = "cosine"
    patience: Annotated[int, Ge(0), "epochs without progress before the rate falls"] = 2
    factor: Annotated[float, Gt(0), Le(1), "by which it falls"] = 0.5
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 40
    points: Annotated[int, Ge(2), "of a sequence of MNIST-1D; the frozen set is thinned out to 40"] = 72
    interpolation: Annotated[Literal["linear", "cubic"], "between the points of a sequence"] = "cubic"
    transition_steps: Annotated[int, Ge(0), "ticks in which input and target pass to the next sequence"] = 16
    held_out: Annotated[int, Ge(0), Le(2000), "training sequences of MNIST-1D to choose settings by"] = 0
    precision: Annotated[Literal["float32", "float64"], "of rates and weights"] = "float32"

    time_unit: ClassVar[str] = "1"

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the ways to draw a run of this scenario."""
        from eventsim.scenarios.generalized_latent_equilibrium import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Do what the task asks for."""
        if self.task in ("lag-line", "lag-net"):
            from eventsim.scenarios.generalized_latent_equilibrium import lag_teachers

            {"lag-line": lag_teachers.lag_line, "lag-net": lag_teachers.lag_net}[self.task](self, run)
        elif self.task == "gradient":
            from eventsim.scenarios.generalized_latent_equilibrium import exact_gradients

            exact_gradients.angles(self, run)
        elif self.task == "mackey-glass":
            from eventsim.scenarios.generalized_latent_equilibrium import chaotic_series

            chaotic_series.predict(self, run)
        else:
            self._classify(run)

    # ---------------------------------------------------------------------------- what is built

    def time_constants(self) -> tuple[Floats, Floats]:
        """Return tau_mem and tau_r of a hidden layer, fast neurons first."""
        groups = np.array_split(np.empty(self.slow), len(self.tau_slow))
        slow = [np.full(len(group), tau) for group, tau in zip(groups, self.tau_slow, strict=True)]
        tau_mem = np.concatenate([np.full(self.fast, self.tau_fast), *slow])
        tau_r = np.where(np.arange(len(tau_mem)) < self.fast, tau_mem, max(self.tau_r, self.dt))
        return tau_mem, tau_mem if self.instantaneous else tau_r

    def network(self, n_inputs: int, n_outputs: int, seed: int, learning: bool = True) -> "Network":
        """Return the untrained network: input, memory if any, hidden layers (the first linear), label."""
        from eventsim import Network, models

        net = Network(seed=seed, time_unit="1")
        net.add("input", models.RateInput(), n_inputs)
        before = "input"
        for k in range(self.memory):
            tau = np.linspace(self.dt, 1.8, 10)
            lag = models.GeneralizedLatentEquilibrium(tau, self.dt, "linear", errors="instant")
            net.add(f"memory{k + 1}", lag, 10)
            weight = np.eye(10) if k else np.ones((n_inputs, 10))
            net.connect(before, f"memory{k + 1}", weight=weight, feedback=False)
            before = f"memory{k + 1}"
        names = [before, *(f"hidden{k}" for k in range(1, self.layers + 1)), "label"]
        tau_mem, tau_r = self.time_constants()
        for pre, post in pairwise(names):
            last = post == "label"
            linear = last or (post == "hidden1" and not self.memory)
            neuron = models.GeneralizedLatentEquilibrium(
                self.tau_fast if last else tau_mem,
                self.tau_fast if last else tau_r,
                "linear" if linear else "tanh",
                gamma=self.gamma,
                errors=self.errors,
            )
            net.add(post, neuron, n_outputs if last else len(tau_mem))
            shape = net.populations[pre].n, net.populations[post].n
            rng, bound = streams.stream(seed, "weight", pre, post), 1 / np.sqrt(shape[0])
            weight, bias = rng.uniform(-bound, bound, shape), rng.uniform(-bound, bound, shape[1])
            weight *= self.weight_scale
            projection = net.connect(pre, post, weight=weight, bias=bias, feedback=learning and pre != before)
            if learning:
                net.add_plasticity(projection, self.rule())
        return net

    def rule(self) -> Any:
        """Return how weights learn: Adam at every tick."""
        from eventsim import models

        return models.plasticity.ErrorTimesRate(learning_rate=self.learning_rate / self.dt, optimiser="adam")

    def trained(
        self, n_inputs: int, n_outputs: int, seed: int, batch: int
    ) -> "tuple[Simulation, Callable[[int], Simulation]]":
        """Return a simulation that learns, and what makes one with its weights for tests."""
        from eventsim import Simulation

        sim = Simulation(
            self.network(n_inputs, n_outputs, seed), dt=self.dt, batch=batch, dtype=self.precision
        )

        def tested(batch: int) -> "Simulation":
            quiet = self.network(n_inputs, n_outputs, seed, learning=False)
            test = Simulation(quiet, dt=self.dt, batch=batch, dtype=self.precision)
            for name, _ in sim.net.plasticity:
                test.set_weights(name, sim.weights(name), sim.bias(name))
            return test

        return sim, tested

    def training(self, task: "Sequences", seed: int) -> "Stream":
        """Return the training of the network of a seed."""
        from eventsim.scenarios._sequence_training import Plateau, Stream

        batch = min(self.batch, len(task.sets["train"][1]))
        sim, tested = self.trained(task.n_inputs, task.n_classes, seed, batch)
        return Stream(
            task=task,
            sim=sim,
            tested=tested,
            rng=partial(streams.stream, seed),
            rates={name: self.learning_rate / self.dt for name, _ in sim.net.plasticity},
            ticks=self.ticks,
            epochs=self.epochs,
            beta=self.beta,
            plateau=Plateau(self.patience, self.factor),
            cosine=self.lr_schedule == "cosine",
            staggered=self.staggered,
            balanced=self.balanced,
            ramp=self.transition_steps,
        )

    # ---------------------------------------------------------------------------- what is done

    def _classify(self, run: Run) -> None:
        from eventsim.scenarios.generalized_latent_equilibrium import data
        from eventsim.scenarios.generalized_latent_equilibrium.gradients import cosines

        task = data.sequences(run, self.task, self.points, self.held_out, self.interpolation)
        training = self.training(task, run.seed)
        before = cosines(training)
        if run.state:
            training.restore(run.state)
        training.train(run)
        run.parameter("gradient/cosines", np.stack([before, cosines(training)]))
        if not self.held_out:  # settings are still being chosen, and not by the test set
            run.metric("test_accuracy", training.measure("test")[0])
        run.metric("validation_accuracy", training.measure("validation")[0])
        sim, trained = training.sim, 0
        for name, _ in sim.net.plasticity:
            weight, bias = sim.weights(name), sim.bias(name)
            run.parameter(f"weight/{name}", weight)
            run.parameter(f"bias/{name}", bias)
            trained += weight.size + bias.size
        run.metric("trained_numbers", trained)
