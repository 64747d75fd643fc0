"""The configuration of `delgrad`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le

from eventsim.scenarios.delgrad.presets import PRESETS
from eventsim.scenarios.scenario import FINITE, NOT_NEGATIVE, POSITIVE, Scenario, Sections

Pair = tuple[Annotated[float, *FINITE], Annotated[float, *FINITE]]
PositivePair = tuple[Annotated[float, *NOT_NEGATIVE], Annotated[float, *NOT_NEGATIVE]]
Fractions = tuple[Annotated[float, Ge(0), Le(1)], Annotated[float, Ge(0), Le(1)]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are those of the first preset."""

    paper: ClassVar[str] = (
        "Göltz et al. 2025, DelGrad: exact event-based gradients for training delays and weights"
    )
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "network": ("delays", "n_hidden", "copies", "init_mean", "init_std"),
        "neurons": ("tau_mem", "tau_syn", "v_th"),
        "delays": ("positivity", "delay_init_std", "delay_scale", "delay_shift"),
        "training": (
            "learn_weights",
            "learn_delays",
            "epochs",
            "batch",
            "batch_evaluated",
            "learning_rate",
            "delay_learning_rate",
            "lr_schedule",
            "decay_every",
            "decay",
            "margin",
        ),
        "silent neurons and large gradients": ("max_missing", "bump", "max_dw_norm"),
        "noise of a chip": (
            "weight_step",
            "weight_limit",
            "threshold_offset",
            "threshold_spread",
            "threshold_noise",
            "delay_noise",
        ),
        "comparison of networks": ("networks", "compared", "sizes"),
        "recording": ("test_samples_recorded", "slot"),
        "hardware": ("in_the_loop", "hardware_slot"),
    }
    accepts_hardware: ClassVar[bool] = True
    repeated_by: ClassVar[str] = "networks"

    delays: Annotated[
        Literal["none", "axonal", "dendritic", "synaptic"], "one for each source, target or synapse"
    ] = "synaptic"
    n_hidden: Annotated[int, Ge(1), Le(10**6), "neurons of the hidden layer"] = 30
    copies: Annotated[int, Ge(1), "lines of each input, which share its delay"] = 1
    init_mean: Annotated[Pair, "initial weights into hidden and label layer"] = (1.0, 1.0)
    init_std: Annotated[PositivePair, "their standard deviations"] = (1.0, 1.0)
    tau_mem: Annotated[float, *POSITIVE, "ms, membrane"] = 2.0
    tau_syn: Annotated[float, *POSITIVE, "ms, synaptic current; times below are in its units"] = 1.0
    v_th: Annotated[float, *POSITIVE, "threshold"] = 1.0
    positivity: Annotated[
        Literal["sigmoid", "clip", "shift"], "how delays are kept positive; clip and shift start the same"
    ] = "sigmoid"
    delay_init_std: Annotated[float, *NOT_NEGATIVE, "of the normal p that a sigmoid makes delays of"] = 0.25
    delay_scale: Annotated[float, *POSITIVE, "tau_syn, range of the sigmoid"] = 1.0
    delay_shift: Annotated[float, *NOT_NEGATIVE, "tau_syn, shortest delay of the sigmoid"] = 0.0
    learn_weights: Annotated[bool, "false keeps the initial weights"] = True
    learn_delays: Annotated[bool, "false keeps the initial delays"] = True
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 300
    batch: Annotated[int, Ge(1), "samples a step"] = 150
    batch_evaluated: Annotated[int, Ge(1), "samples that share a draw of noise in evaluation"] = 200
    learning_rate: Annotated[float, *POSITIVE, "of Adam, for weights"] = 0.01
    delay_learning_rate: Annotated[float, *POSITIVE, "of Adam, for delays"] = 0.003
    lr_schedule: Annotated[
        Literal["steps", "cosine"], "of the learning rates; cosine: to zero at the end, without steps"
    ] = "steps"
    decay_every: Annotated[int, Ge(1), "epochs between two reductions of the rates"] = 20
    decay: Annotated[float, *POSITIVE, "factor of each reduction"] = 0.95
    margin: Annotated[float, *NOT_NEGATIVE, "tau_syn, by which wrong outputs should be later"] = 0.2
    max_missing: Annotated[Fractions, "silent neurons of each layer that are not bumped"] = (0.3, 0.0)
    bump: Annotated[float, *NOT_NEGATIVE, "added to weights into silent neurons"] = 5e-4
    max_dw_norm: Annotated[float, *POSITIVE, "larger gradients of a sample and neuron are dropped"] = 0.2
    weight_step: Annotated[float, *NOT_NEGATIVE, "to which weights are rounded; 0 for none"] = 0.0
    weight_limit: Annotated[float, *NOT_NEGATIVE, "beyond which weights are clipped; 0 for none"] = 0.0
    threshold_offset: Annotated[float, *FINITE, "mean deviation of the chip's thresholds"] = 0.0
    threshold_spread: Annotated[float, *NOT_NEGATIVE, "its spread over neurons, fixed"] = 0.0
    threshold_noise: Annotated[float, *NOT_NEGATIVE, "spread from batch to batch"] = 0.0
    delay_noise: Annotated[float, *NOT_NEGATIVE, "tau_syn, jitter of each arrival"] = 0.0
    networks: Annotated[int, Ge(1), "trained with seeds that follow each other"] = 1
    compared: Annotated[tuple[str, ...], "presets to be compared over `sizes`; none for this one alone"] = ()
    sizes: Annotated[
        tuple[Annotated[int, Ge(1), Le(1_000_000)], ...], "hidden neurons of the networks compared"
    ] = ()
    test_samples_recorded: Annotated[int, Ge(0), "shown to the network in the event engine"] = 10
    slot: Annotated[float, *POSITIVE, "tau_syn, time between two of these samples"] = 4.0
    in_the_loop: Annotated[bool, "with --hardware: trained on it; false: trained without, then put on it"] = (
        True
    )
    hardware_slot: Annotated[float, *POSITIVE, "tau_syn, time of a sample on hardware"] = 30.0
