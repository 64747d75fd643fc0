"""The configuration of `latent-equilibrium`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, MinLen

from eventsim.scenarios.latent_equilibrium.presets import PRESETS
from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Scenario, Sections

TASKS = Literal["mnist", "fashion-mnist", "digits", "yin-yang", "fourier", "response", "bars", "mimic"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are the published settings unless a preset says otherwise."""

    paper: ClassVar[str] = (
        "Haider et al. 2021, Latent Equilibrium: a unified learning theory for arbitrarily fast computation "
        "with arbitrarily slow neurons"
    )
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "task": ("task",),
        "network": ("hidden", "maps", "window", "activation", "weight_std", "feedback", "precision"),
        "neurons": (
            "tau",
            "prospective",
            "errors",
            "tau_spread",
            "tau_epochs",
            "tau_learning_rate",
            "tau_syn",
            "noise",
        ),
        "presentation": ("dt", "ticks", "readout_steps", "beta", "delayed_targets"),
        "training": ("batch", "learning_rate", "optimiser", "lr_schedule", "lr_factors", "epochs"),
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
    weight_std: Annotated[float, *NOT_NEGATIVE, "of initial weights and biases; 0 for 1/sqrt(inputs)"] = 0.05
    feedback: Annotated[
        Literal["transposed", "random"], "weights that errors go back through: the transposed or fixed ones"
    ] = "transposed"
    precision: Annotated[Literal["float32", "float64"], "of rates and weights"] = "float32"
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
    dt: Annotated[float, *POSITIVE, "ms, tick"] = 0.01
    ticks: Annotated[int, Ge(1), "of a presentation; of the whole run for fourier"] = 100
    readout_steps: Annotated[int, Ge(1), "last ticks of a presentation over which answers are averaged"] = 1
    beta: Annotated[float, Gt(0), Le(1), "strength of nudging"] = 0.1
    delayed_targets: Annotated[
        bool,
        "targets come when the answers to their images do, a tick for each layer; false: with the images",
    ] = False
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
    lr_factors: Annotated[
        tuple[Annotated[float, *NOT_NEGATIVE], ...], "of the rate by layer; the last holds on"
    ] = (1.0, 0.2, 0.1)
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 200
