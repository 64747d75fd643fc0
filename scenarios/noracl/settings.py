"""The configuration of `noracl`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from eventsim.scenarios.noracl.presets import PRESETS
from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Scenario, Sections

Widths = Annotated[tuple[Annotated[int, Ge(1), Le(4096)], ...], MinLen(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are split digits with one small growing network."""

    paper: ClassVar[str] = "Raghunathan et al. 2026, NORACL: neurogenesis for continual learning"
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "tasks": ("stream", "dataset", "tasks", "train_samples", "test_samples", "inputs"),
        "network": ("model", "hidden", "activation", "first_weights", "static_widths", "controls"),
        "training": (
            "epochs",
            "first_epochs",
            "batch",
            "optimiser",
            "learning_rate",
            "first_learning_rate",
        ),
        "consolidation": (
            "method",
            "importance",
            "fisher_form",
            "fisher_decay",
            "fisher_gradients",
            "fisher_samples",
            "si_strength",
            "si_damping",
        ),
        "growth": (
            "trigger",
            "gamma",
            "size_rule",
            "k_fixed",
            "epsilon",
            "scale",
            "probe_samples",
            "percentile",
            "entries",
            "threshold",
            "init",
            "init_scale",
            "cooldown",
            "lr_boost",
            "after_growth",
            "largest",
        ),
    }

    stream: Annotated[
        Literal["split", "permuted", "rotated", "repeated"],
        "how tasks follow from the images; repeated: each task is the first one again",
    ] = "split"
    dataset: Annotated[Literal["digits", "mnist", "fashion-mnist"], "the images"] = "digits"
    tasks: Annotated[int, Ge(0), Le(1000), "of the stream; 0: 5 of split, 10 of the others"] = 0
    train_samples: Annotated[int, Ge(0), "first images of the training set; 0 for all"] = 0
    test_samples: Annotated[int, Ge(0), "first images of the test set; 0 for all"] = 0
    inputs: Annotated[Literal["unit", "standardised"], "pixels from 0 to 1, or with mean 0 and spread 1"] = (
        "standardised"
    )
    model: Annotated[Literal["growing", "static"], "whether hidden layers grow"] = "growing"
    hidden: Annotated[Widths, "units of each hidden layer at the start"] = (12, 12)
    activation: Annotated[Literal["relu", "gelu"], "of hidden units"] = "relu"
    first_weights: Annotated[
        Literal["he_normal", "lecun_normal", "xavier"],
        "variance 2 / n_in, 1 / n_in or 2 / (n_in + n_out) of each map",
    ] = "he_normal"
    static_widths: Annotated[
        tuple[Annotated[int, Ge(1), Le(4096)], ...], "of networks of constant size, trained beside"
    ] = ()
    controls: Annotated[
        tuple[Literal["matched", "per_task"], ...],
        "beside a growing network: a static one of its final widths; its new units spread evenly over tasks",
    ] = ()
    epochs: Annotated[int, Ge(0), "of each task but the first"] = 20
    first_epochs: Annotated[int, Ge(0), "of the first task"] = 20
    batch: Annotated[int, Ge(1), "samples of a step"] = 64
    optimiser: Annotated[Literal["sgd", "adam"], "starts anew with each task"] = "adam"
    learning_rate: Annotated[float, *POSITIVE, "of each task but the first"] = 0.002
    first_learning_rate: Annotated[float, *POSITIVE, "of the first task"] = 0.002
    method: Annotated[Literal["ewc", "si", "none"], "what holds weights of earlier tasks"] = "ewc"
    importance: Annotated[float, *NOT_NEGATIVE, "lambda of EWC; it belongs to form and gradients"] = 5.0
    fisher_form: Annotated[
        Literal["sum", "ema", "per_task"], "F <- a F + F_t, F <- a F + (1 - a) F_t, or all F_t"
    ] = "sum"
    fisher_decay: Annotated[float, Ge(0), Le(1), "a, of earlier tasks"] = 0.9
    fisher_gradients: Annotated[
        Literal["sample", "batch"], "squared: the gradient of a sample, or the mean of 256"
    ] = "sample"
    fisher_samples: Annotated[int, Ge(0), "first samples of a task for the Fisher information; 0: all"] = 2048
    si_strength: Annotated[float, *NOT_NEGATIVE, "c of synaptic intelligence"] = 0.1
    si_damping: Annotated[float, *POSITIVE, "xi of synaptic intelligence"] = 0.1
    trigger: Annotated[
        Literal["ed_fisher", "ed_only", "fisher_only", "loss_plateau", "fixed_pertask"], "of growth"
    ] = "ed_fisher"
    gamma: Annotated[float, Gt(0), Le(1), "part of the first phi that makes a representation full"] = 0.9
    size_rule: Annotated[Literal["floor", "north"], "how the number of new units is rounded"] = "north"
    k_fixed: Annotated[int, Ge(1), "new units of triggers without effective dimension"] = 2
    epsilon: Annotated[float, *NOT_NEGATIVE, "bound of singular values"] = 0.05
    scale: Annotated[Literal["samples", "units"], "root that activations are divided by"] = "samples"
    probe_samples: Annotated[int, Ge(1), "first samples of a task for the effective dimension"] = 256
    percentile: Annotated[float, Ge(0), Le(100), "of the Fisher information"] = 25.0
    entries: Annotated[
        Literal["all", "active"], "of the percentile; active: no dead units, no constant pixels"
    ] = "all"
    threshold: Annotated[
        Literal["mean", "decay"], "tau: percentile of the mean, or average of percentiles"
    ] = "mean"
    init: Annotated[
        Literal["qr_init", "nullspace", "he_normal", "xavier", "random", "vp_zfo", "zero"],
        "weights into new units",
    ] = "qr_init"
    init_scale: Annotated[float, *POSITIVE, "norm of these weights"] = 0.2
    cooldown: Annotated[int, Ge(0), "epochs without a test after growth"] = 3
    lr_boost: Annotated[float, *POSITIVE, "factor of the learning rate in them"] = 3.0
    after_growth: Annotated[Literal["reset", "kept"], "steps that the optimiser remembers"] = "reset"
    largest: Annotated[int, Ge(1), Lt(65536), "units that a hidden layer may have"] = 4096
