"""Latent Equilibrium: slow neurons that look ahead by their own lag compute and learn at once.

Rates are phi(u + tau du/dt), which undoes the lag of the membrane, so that the answer of a deep network and
the errors that teach it need a tick per layer instead of tau per layer, and learning is never switched
off (Haider et al. 2021). Tasks: still images, synthesis of a sawtooth, the response of chains of neurons,
and the dendritic microcircuit, each with the control whose rates are phi(u).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from annotated_types import Ge, Gt, Le, MinLen

from eventsim import rng as streams
from eventsim.errors import ConfigError
from eventsim.registry import register
from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Run, Scenario
from eventsim.trace import Floats, Trace

if TYPE_CHECKING:
    from eventsim import Simulation
    from eventsim.scenarios._prospective_training import Presentations, Task

TASKS = Literal["mnist", "fashion-mnist", "digits", "yin-yang", "fourier", "response", "bars", "mimic"]
QUICK: dict[str, object] = {
    "task": "digits",
    "hidden": (60, 30),
    "tau": 10.0,
    "dt": 0.1,
    "ticks": 20,
    "batch": 32,
    "learning_rate": 2.0,
    "weight_std": 0.0,
    "epochs": 15,
}
LENET: dict[str, object] = {
    "maps": (20, 50),
    "hidden": (500,),
    "tau": 10.0,
    "dt": 0.1,
    "batch": 128,
    "learning_rate": 8.0,
    "lr_factors": (1.0, 0.2, 0.1),
    "epochs": 100,
}
MNIST_SHORT: dict[str, object] = {"ticks": 20, "batch": 128, "epochs": 40}
ADAM: dict[str, object] = {
    "optimiser": "adam",
    "lr_schedule": "cosine",
    "delayed_targets": True,
    "beta": 0.01,
    "lr_factors": (1.0,),
}
MNIST_ADAM: dict[str, object] = ADAM | {
    "ticks": 12,
    "batch": 32,
    "learning_rate": 0.001,
    "weight_std": 0.0,
    "epochs": 10,
}
LENET_SHORT: dict[str, object] = MNIST_ADAM | {"batch": 16, "epochs": 5}
BARS: dict[str, object] = {"task": "bars", "dt": 0.1, "ticks": 100, "epochs": 1000}


@register("scenario", "latent-equilibrium")
@dataclass(frozen=True, slots=True, kw_only=True)
class LatentEquilibrium(Scenario):
    """Slow neurons that compute and learn at once, by prospective rates: images, signals, microcircuits."""

    paper: ClassVar[str] = (
        "Haider et al. 2021, Latent Equilibrium: a unified learning theory for arbitrarily fast computation "
        "with arbitrarily slow neurons"
    )
    presets: ClassVar[dict[str, dict[str, object]]] = {
        "mnist": {},
        "mnist-short": MNIST_SHORT,
        "mnist-short-tau-200": MNIST_SHORT | {"tau": 200.0},
        "mnist-adam": MNIST_ADAM,
        "mnist-adam-tau-200": MNIST_ADAM | {"tau": 200.0},
        "mnist-tau-200": {"tau": 200.0},
        "mnist-random-feedback": {"feedback": "random"},
        "mnist-not-prospective": {"prospective": False, "tau": 10.0, "dt": 1.0, "ticks": 200},
        "mismatch-0.2": {"tau_spread": 0.2, "epochs": 100},
        "mismatch-0.3": {"tau_spread": 0.3, "epochs": 100},
        "mismatch-learned": {"tau_spread": 0.2, "tau_epochs": 10, "epochs": 100},
        "mismatch-prospective-errors": {"tau_spread": 0.01, "errors": "prospective", "epochs": 100},
        "synaptic-filter-0.1": {"tau_syn": 0.1, "epochs": 100},
        "synaptic-filter-0.5": {"tau_syn": 0.5, "dt": 0.1, "epochs": 100},
        "synaptic-filter-2": {"tau_syn": 2.0, "dt": 0.1, "ticks": 1000, "epochs": 100},
        "rate-noise": {"noise": 0.2, "readout_steps": 50, "tau_syn": 0.5, "dt": 0.05, "epochs": 100},
        "mnist-lenet": LENET,
        "mnist-lenet-short": LENET | LENET_SHORT,
        "fashion-mnist-lenet": LENET
        | {"task": "fashion-mnist", "ticks": 50, "lr_factors": (1.0, 0.2, 0.2, 0.2, 0.2, 0.1)},
        "fashion-mnist-lenet-short": LENET | LENET_SHORT | {"task": "fashion-mnist"},
        "fourier": {
            "task": "fourier",
            "hidden": (30,),
            "activation": "tanh",
            "tau": 10.0,
            "dt": 0.005,
            "ticks": 120_000,
            "learning_rate": 0.25,
        },
        "response": {"task": "response", "tau": 10.0, "dt": 0.1},
        "bars": BARS,
        "bars-not-prospective": BARS | {"prospective": False},
        "mimic": {"task": "mimic", "dt": 0.01, "ticks": 100, "epochs": 500},
        "yin-yang": QUICK
        | ADAM
        | {"task": "yin-yang", "hidden": (120,), "beta": 0.003, "learning_rate": 0.02, "epochs": 60},
        "quick": QUICK,
        "quick-not-prospective": QUICK | {"prospective": False},
        "quick-random-feedback": QUICK | {"feedback": "random"},
        "quick-tau-100": QUICK | {"tau": 100.0},
        "quick-noise": QUICK | {"noise": 0.2, "readout_steps": 10},
        "quick-synaptic-filter": QUICK | {"tau_syn": 0.5, "ticks": 60},
        "quick-mismatch": QUICK | {"tau_spread": 0.3},
        "quick-mismatch-learned": QUICK | {"tau_spread": 0.3, "tau_epochs": 5, "tau_learning_rate": 1e4},
    }

    task: Annotated[TASKS, "what is learned or measured"] = "mnist"
    hidden: Annotated[
        tuple[Annotated[int, Ge(1), Le(10**6)], ...], MinLen(1), "neurons of the hidden layers"
    ] = (
        300,
        100,
    )
    maps: Annotated[
        tuple[Annotated[int, Ge(1), Le(10**4)], ...],
        "output channels of convolutions before the hidden layers; 2 x 2 rates are pooled after each",
    ] = ()
    window: Annotated[int, Ge(1), "width and height of convolutions"] = 5
    activation: Annotated[
        Literal["hard_sigmoid", "tanh", "logistic", "softplus", "relu"],
        "of hidden neurons; outputs are linear",
    ] = "hard_sigmoid"
    tau: Annotated[float, *POSITIVE, "ms, membrane and prospective time constant"] = 20.0
    prospective: Annotated[bool, "false is the control: rates phi(u)"] = True
    errors: Annotated[
        Literal["instant", "prospective"], "prospective: the soma sees u + tau_r du/dt only"
    ] = "instant"
    tau_spread: Annotated[
        float, Ge(0), Le(1), "relative deviation of tau_mem and of tau_r, drawn for each neuron"
    ] = 0.0
    tau_epochs: Annotated[int, Ge(0), "passes in which tau_mem learns to match tau_r, before training"] = 0
    tau_learning_rate: Annotated[float, *POSITIVE, "of that, per presentation"] = 160.0
    tau_syn: Annotated[
        float,
        *NOT_NEGATIVE,
        "ms, synaptic filter of rates and errors; 0 for none; targets get the sum of all",
    ] = 0.0
    noise: Annotated[float, *NOT_NEGATIVE, "standard deviation of what is added to rates at every tick"] = 0.0
    readout_steps: Annotated[int, Ge(1), "last ticks of a presentation over which answers are averaged"] = 1
    feedback: Annotated[
        Literal["transposed", "random"], "weights that errors go back through: the transposed or fixed ones"
    ] = "transposed"
    dt: Annotated[float, *POSITIVE, "ms, tick"] = 0.01
    ticks: Annotated[int, Ge(1), "of a presentation; of the whole run for fourier"] = 100
    beta: Annotated[float, Gt(0), Le(1), "strength of nudging"] = 0.1
    batch: Annotated[int, Ge(1), "samples shown side by side"] = 512
    learning_rate: Annotated[
        float, *POSITIVE, "learning rate of a presentation, whatever its ticks; fourier: per ms"
    ] = 16.0
    optimiser: Annotated[
        Literal["sgd", "adam"],
        "adam: its memory advances by one each tick, a rate is the way of a presentation",
    ] = "sgd"
    lr_schedule: Annotated[
        Literal["constant", "cosine"], "of the learning rate; cosine: to zero at the end"
    ] = "constant"
    delayed_targets: Annotated[
        bool,
        "targets come when the answers to their images do, a tick for each layer; false: with the images",
    ] = False
    lr_factors: Annotated[
        tuple[Annotated[float, *NOT_NEGATIVE], ...], "of the rate by layer; the last holds on"
    ] = (1.0, 0.2, 0.1)
    weight_std: Annotated[float, *NOT_NEGATIVE, "of initial weights and biases; 0 for 1/sqrt(inputs)"] = 0.05
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 200
    precision: Annotated[Literal["float32", "float64"], "of rates and weights"] = "float32"

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the ways to draw a run of this scenario."""
        from eventsim.scenarios.latent_equilibrium import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Do what the task asks for."""
        if self.task in ("fourier", "response"):
            from eventsim.scenarios.latent_equilibrium import signals

            {"fourier": signals.fourier, "response": signals.response}[self.task](self, run)
        elif self.task in ("bars", "mimic"):
            from eventsim.scenarios.latent_equilibrium import microcircuits

            {"bars": microcircuits.bars_task, "mimic": microcircuits.mimic}[self.task](self, run)
        else:
            self._classify(run)

    # ---------------------------------------------------------------------------- what is done

    def training(self, task: "Task", seed: int, taus: dict[str, dict[str, Floats]]) -> "Presentations":
        """Return the training of the network of a seed."""
        from eventsim import Simulation
        from eventsim.scenarios._prospective_network import layers, network
        from eventsim.scenarios._prospective_training import Presentations

        built = layers(self, task.n_inputs, task.n_classes)
        late = len(built) - 1 if self.delayed_targets else 0
        if late >= self.ticks:
            raise ConfigError(
                f"delayed targets come after {late} ticks here; ticks must be more, got {self.ticks}"
            )
        if self.readout_steps > self.ticks:
            raise ConfigError(f"readout_steps must be at most ticks, {self.ticks}, got {self.readout_steps}")
        batch = min(self.batch, len(task.sets["train"][1]))
        sim = Simulation(network(self, built, seed, taus), dt=self.dt, batch=batch, dtype=self.precision)

        def tested(batch: int) -> "Simulation":
            quiet = network(self, built, seed, taus, "nothing")
            test = Simulation(quiet, dt=self.dt, batch=batch, dtype=self.precision)
            for layer, projection in zip(built[1:], quiet.projections, strict=True):
                name = projection.name
                if layer.shape:
                    test.set_weights(name, sim.weights(name), sim.bias(name))
            return test

        return Presentations(
            task=task,
            sim=sim,
            tested=tested,
            rng=partial(streams.stream, seed),
            ticks=self.ticks,
            epochs=self.epochs,
            beta=self.beta,
            rates={name: rule.learning_rate for name, rule in sim.net.plasticity},
            cosine=self.lr_schedule == "cosine",
            late=late,
            read=self.readout_steps,
            tau_target=self.tau_syn * (len(built) - 1),
            before=ceil(self.tau / (self.ticks * self.dt)) if self.tau_spread or not self.prospective else 0,
        )

    def _classify(self, run: Run) -> None:
        from eventsim.scenarios._prospective_network import layers, time_constants
        from eventsim.scenarios.latent_equilibrium import data
        from eventsim.scenarios.latent_equilibrium.matching import matched

        task = data.still(run, self.task, enlarged=bool(self.maps))
        built = layers(self, task.n_inputs, task.n_classes)
        taus = time_constants(self, built, run.seed)
        state = run.state or {}
        for name, values in taus.items():
            for which, array in values.items():
                run.parameter(f"initial/{which}/{name}", array)
        if self.tau_epochs:
            taus = state["taus"] if "taus" in state else matched(self, run, task, taus)
        training = self.training(task, run.seed, taus)
        if "training" in state:
            training.restore(state["training"])
        fixed = {"taus": taus} if self.tau_epochs else {}
        present = training.state
        training.train(run, lambda: fixed | {"training": present()})
        run.metric("test_accuracy", training.accuracy("test"))
        run.metric("test_error", 1 - run.metrics["test_accuracy"])
        run.metric("validation_accuracy", training.accuracy("validation"))
        run.metric("simulated_ms_per_presentation", self.ticks * self.dt)
        for layer, projection in zip(built[1:], training.sim.net.projections, strict=True):
            if layer.shape:
                run.parameter(f"weight/{projection.name}", training.sim.weights(projection.name))
                run.parameter(f"bias/{projection.name}", training.sim.bias(projection.name))
        for name, values in taus.items():
            run.parameter(f"tau_mem/{name}", values["tau_mem"])
