"""The configuration of `phaseless-alignment`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, Len

from eventsim.scenarios.phaseless_alignment.presets import PRESETS
from eventsim.scenarios.scenario import FINITE, NOT_NEGATIVE, POSITIVE, Scenario, Sections

Range = Annotated[tuple[Annotated[float, *FINITE], ...], Len(2, 2)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are the published run that learns feedback alone."""

    paper: ClassVar[str] = (
        "Max et al. 2024, Learning efficient backprojections across cortical hierarchies in real time"
    )
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "task": ("task", "algorithm", "samples", "n_inputs", "n_outputs"),
        "network": ("hidden", "weight_range", "feedback_range", "prospective", "tau_spread"),
        "presentation": ("dt", "presentation"),
        "noise": ("sigma", "noise_spread", "tau_noise", "noise_update", "noise_amplitude"),
        "plasticity": (
            "tau_high_pass",
            "tau_low_pass",
            "decay",
            "regulariser",
            "rate_forward",
            "rate_feedback",
            "rate_to_interneurons",
            "rate_from_interneurons",
        ),
        "training": ("epochs", "recorded_every", "teacher_weight"),
        "rates": (
            "dataset",
            "images",
            "tau",
            "weight_std",
            "feedback_std",
            "batch",
            "beta",
            "learning_rate",
            "lr_factors",
            "feedback_factors",
            "maps",
            "activation",
            "precision",
        ),
        "chip": ("chip_mismatch", "chip_bits", "chip_epochs"),
    }

    task: Annotated[
        Literal["feedback", "teacher-student", "yin-yang", "classify", "autoencoder"],
        "feedback alone; all weights of a microcircuit; networks of rates",
    ] = "feedback"
    algorithm: Annotated[
        Literal["pal", "bp", "fa", "dfa", "noise", "decay"],
        "feedback weights: learned, copied, fixed, from the output to all layers, fixed with noise on, or "
        "decaying with noise on",
    ] = "pal"
    samples: Annotated[int, Ge(1), Le(10**6), "of the training set"] = 100
    n_inputs: Annotated[int, Ge(1), Le(10**4), "of random samples"] = 5
    n_outputs: Annotated[int, Ge(1), Le(10**4), "for random samples"] = 5
    hidden: Annotated[tuple[Annotated[int, Ge(1), Le(10**5)], ...], Len(1, 16), "cells of hidden layers"] = (
        20,
        10,
        20,
    )
    weight_range: Annotated[Range, "of initial forward weights, uniform"] = (-1.0, 1.0)
    feedback_range: Annotated[Range, "of initial feedback weights, uniform"] = (-1.0, 1.0)
    prospective: Annotated[bool, "false is the control: rates of the potential before the last step"] = True
    tau_spread: Annotated[
        float, Ge(0), Le(0.3), "relative deviation of membrane and prospective time constants by cell"
    ] = 0.0
    dt: Annotated[float, *POSITIVE, "ms, tick"] = 0.01
    presentation: Annotated[float, *POSITIVE, "ms that a sample is shown"] = 1.0
    sigma: Annotated[float, *NOT_NEGATIVE, "of the noise, whose variance is half its square"] = 0.05
    noise_spread: Annotated[float, *NOT_NEGATIVE, "of the logarithm of sigma, drawn for each cell"] = 0.0
    tau_noise: Annotated[float, *POSITIVE, "ms, correlation time of the noise"] = 0.1
    noise_update: Annotated[
        Literal["exact", "euler", "hold"], "step of the noise; published results have euler"
    ] = "euler"
    noise_amplitude: Annotated[
        Literal["constant", "u", "prospective", "apical"], "potential that sigma is multiplied with"
    ] = "constant"
    tau_high_pass: Annotated[float, *POSITIVE, "ms, of the rates that feedback weights learn from"] = 0.1
    tau_low_pass: Annotated[float, *NOT_NEGATIVE, "ms, of changes of forward weights; 0 for none"] = 0.0
    decay: Annotated[float, *NOT_NEGATIVE, "of feedback weights, relative to their learning rate"] = 1e-5
    regulariser: Annotated[
        Literal["decay", "gated", "slopes"], "of feedback weights; slopes takes phi' out of them"
    ] = "decay"
    rate_forward: Annotated[
        tuple[Annotated[float, *NOT_NEGATIVE], ...], "learning rates of forward weights by layer"
    ] = (0.0,)
    rate_feedback: Annotated[float, *NOT_NEGATIVE, "learning rate of feedback weights"] = 50.0
    rate_to_interneurons: Annotated[float, *NOT_NEGATIVE, "learning rate of weights to interneurons"] = 0.0
    rate_from_interneurons: Annotated[float, *NOT_NEGATIVE, "learning rate of weights from them"] = 5.0
    epochs: Annotated[int, Ge(0), "passes over the samples"] = 100
    recorded_every: Annotated[int, Ge(1), "epochs between two records"] = 1
    teacher_weight: Annotated[float, *FINITE, "all forward weights of the teacher"] = 2.0
    dataset: Annotated[
        Literal["digits", "mnist", "cifar-10", "colours"],
        "images of the networks of rates; colours are generated",
    ] = "digits"
    images: Annotated[
        int, Ge(0), Le(10**6), "of the training set, and a fifth of it to validate; 0: all there are"
    ] = 0
    tau: Annotated[float, *POSITIVE, "ms, membrane and prospective time constant of rates"] = 10.0
    weight_std: Annotated[float, *POSITIVE, "of initial weights and biases of rates"] = 0.05
    feedback_std: Annotated[float, *NOT_NEGATIVE, "of initial feedback weights; 0 for weight_std"] = 0.0
    batch: Annotated[int, Ge(1), Le(10**5), "images side by side"] = 32
    beta: Annotated[float, Ge(0), Le(1), "strength of nudging"] = 0.1
    learning_rate: Annotated[float, *NOT_NEGATIVE, "per ms, of forward weights of rates"] = 0.8
    lr_factors: Annotated[
        tuple[Annotated[float, *NOT_NEGATIVE], ...], "of that by layer; the last holds on"
    ] = (1.0,)
    feedback_factors: Annotated[
        tuple[Annotated[float, *NOT_NEGATIVE], ...],
        "of rate_feedback by layer with feedback, the lowest first; the last holds on",
    ] = (1.0,)
    maps: Annotated[
        tuple[Annotated[int, Ge(1), Le(10**4)], ...],
        "maps of convolutions with windows of 5 x 5, each before a pooling, below the hidden layers",
    ] = ()
    activation: Annotated[Literal["tanh", "logistic"], "of hidden layers of rates"] = "tanh"
    precision: Annotated[Literal["float64", "float32"], "of rates and their weights"] = "float64"
    chip_mismatch: Annotated[
        float, Ge(0), Le(0.3), "relative, of time constants and of gains of synapses on a chip"
    ] = 0.0
    chip_bits: Annotated[int, Ge(0), Le(24), "of a weight on the chip with its sign; 0: fine weights"] = 0
    chip_epochs: Annotated[int, Ge(0), "of learning on the chip"] = 0
