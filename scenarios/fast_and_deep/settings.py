"""The configuration of `fast-and-deep`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le

from eventsim.scenarios.fast_and_deep.presets import PRESETS
from eventsim.scenarios.scenario import FINITE, NOT_NEGATIVE, POSITIVE, Scenario, Sections

Pair = tuple[Annotated[float, *FINITE], Annotated[float, *FINITE]]
PositivePair = tuple[Annotated[float, *NOT_NEGATIVE], Annotated[float, *NOT_NEGATIVE]]
Fractions = tuple[Annotated[float, Ge(0), Le(1)], Annotated[float, Ge(0), Le(1)]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are those of the first preset."""

    paper: ClassVar[str] = "Göltz, Kriener et al. 2021, Fast and energy-efficient neuromorphic deep learning"
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "task": ("dataset", "noise"),
        "network": ("n_hidden", "copies", "bias_for_label", "bias_time", "init_mean", "init_std"),
        "neurons": ("neuron", "tau_mem", "tau_syn", "v_th"),
        "last input of the labels": ("end_time", "end_weight"),
        "training": ("epochs", "batch", "learning_rate", "lr_schedule", "decay_every", "decay"),
        "loss": ("xi", "alpha", "beta"),
        "silent neurons and large gradients": ("max_missing", "bump", "silent_pull", "max_dw_norm"),
        "recording": ("test_samples_recorded", "slot"),
        "hardware": ("in_the_loop", "hardware_slot"),
    }
    accepts_hardware: ClassVar[bool] = True

    dataset: Annotated[
        Literal["yin-yang", "mnist", "mnist-16x16", "digits"], "digits: the 8x8 ones of scikit-learn"
    ] = "yin-yang"
    noise: Annotated[float, *NOT_NEGATIVE, "tau_syn, of input times in training"] = 0.0
    n_hidden: Annotated[int, Ge(1), Le(10**6), "neurons of the hidden layer"] = 120
    copies: Annotated[int, Ge(1), "lines of each input and of the bias into the hidden layer"] = 1
    bias_for_label: Annotated[bool, "whether the bias leads to the label layer too"] = True
    bias_time: Annotated[float | None, "tau_syn, spike of the bias; none for no bias"] = 0.9
    init_mean: Annotated[Pair, "initial weights into hidden and label layer"] = (1.5, 0.5)
    init_std: Annotated[PositivePair, "their standard deviations"] = (0.8, 0.8)
    neuron: Annotated[
        Literal["lif", "qif"], "qif: quadratic, several spikes of hidden neurons; tau_mem = 2 tau_syn"
    ] = "lif"
    tau_mem: Annotated[float, *POSITIVE, "ms, membrane"] = 1.0
    tau_syn: Annotated[float, *POSITIVE, "ms, synaptic current; times below are in its units"] = 1.0
    v_th: Annotated[float, *POSITIVE, "threshold"] = 1.0
    end_time: Annotated[
        float | None, *NOT_NEGATIVE, "tau_syn, spike that makes labels spike that have not; none for no such"
    ] = None
    end_weight: Annotated[float, *FINITE, "its weight, which is not trained"] = 0.0
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 300
    batch: Annotated[int, Ge(1), "samples a step"] = 150
    learning_rate: Annotated[float, *POSITIVE, "of Adam"] = 0.005
    lr_schedule: Annotated[
        Literal["steps", "cosine"], "of the learning rate; cosine: to zero at the end, without steps"
    ] = "steps"
    decay_every: Annotated[int, Ge(1), "epochs between two reductions of the rate"] = 20
    decay: Annotated[float, *POSITIVE, "factor of each reduction"] = 0.95
    xi: Annotated[float, *POSITIVE, "tau_syn, scale of time differences in the loss"] = 0.2
    alpha: Annotated[float, *NOT_NEGATIVE, "weight of the pull towards early spikes"] = 0.005
    beta: Annotated[float, *POSITIVE, "tau_syn, scale of spike latency"] = 1.0
    max_missing: Annotated[Fractions, "silent neurons of each layer that are not bumped"] = (0.3, 0.0)
    bump: Annotated[float, *NOT_NEGATIVE, "added to weights into silent neurons"] = 5e-4
    silent_pull: Annotated[
        float,
        *NOT_NEGATIVE,
        "on the membrane of a correct label that is silent, as part of the loss; 0: none",
    ] = 0.0
    max_dw_norm: Annotated[float, *POSITIVE, "larger gradients of a sample and neuron are dropped"] = 0.2
    test_samples_recorded: Annotated[int, Ge(0), "shown to the trained network in the event engine"] = 10
    slot: Annotated[float, *POSITIVE, "tau_syn, time between two of these samples"] = 4.0
    in_the_loop: Annotated[bool, "with --hardware: trained on it; false: trained without, then put on it"] = (
        True
    )
    hardware_slot: Annotated[float, *POSITIVE, "tau_syn, time of a sample on hardware"] = 30.0
