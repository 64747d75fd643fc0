"""The configuration of `temporal-hierarchy`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, Lt

from eventsim.scenarios.scenario import FINITE, NOT_NEGATIVE, POSITIVE, Scenario, Sections
from eventsim.scenarios.temporal_hierarchy.presets import PRESETS
from eventsim.scenarios.temporal_hierarchy.time_constants import Hierarchy, Spread

DATASETS = Literal["mts-xor", "fsdd-spikes", "shd", "ssc", "smnist", "sweeps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are the published settings of multi-time-scale XOR."""

    paper: ClassVar[str] = "Moro et al. 2024, The role of temporal hierarchy in spiking neural networks"
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "task": (
            "dataset",
            "noise",
            "train_samples",
            "test_samples",
            "group",
            "steps",
            "step",
            "frequency_shift",
        ),
        "network": ("n_layers", "n_hidden", "kernel", "delta_kernel", "dilation", "delta_dilation"),
        "time constants": (
            "hierarchy",
            "tau_mem",
            "delta_tau",
            "tanh_width",
            "tanh_centre",
            "spread",
            "spread_width",
            "tau_out",
            "train_tau",
        ),
        "training": (
            "readout",
            "epochs",
            "batch",
            "shuffled",
            "learning_rate",
            "halve_at",
            "halve_every",
            "adam_counter",
            "weight_range",
            "surrogate",
            "dropout",
            "precision",
        ),
        "penalties": ("weight_penalty", "rate_penalty", "target_spikes", "pull"),
        "comparison of networks": ("varied", "compared", "networks"),
        "recording": ("samples_recorded",),
    }
    accepts_hardware: ClassVar[bool] = True
    repeated_by: ClassVar[str] = "networks"

    dataset: Annotated[DATASETS, "mts-xor and sweeps are generated"] = "mts-xor"
    noise: Annotated[float, Ge(0), Le(1), "background spikes an input and step, of mts-xor"] = 0.01
    train_samples: Annotated[int, Ge(1), "of mts-xor"] = 20 * 512
    test_samples: Annotated[int, Ge(1), "of mts-xor, and as many for validation"] = 2 * 512
    group: Annotated[int, Ge(1), "neighbouring channels that are one input, of spoken digits"] = 1
    steps: Annotated[int, Ge(1), "of a sample"] = 100
    step: Annotated[float, *POSITIVE, "ms, of one step"] = 10.0
    frequency_shift: Annotated[int, Ge(0), "channels, by which training batches are moved, on average"] = 0
    n_layers: Annotated[int, Ge(1), Le(100), "hidden layers; the paper counts the output layer as well"] = 2
    n_hidden: Annotated[int, Ge(1), Le(10**5), "neurons of each"] = 10
    kernel: Annotated[int, Ge(1), "steps that a hidden neuron sees at once; 1 for no convolution"] = 1
    delta_kernel: Annotated[int, "the last layer's kernel minus the first one's"] = 0
    dilation: Annotated[int, Ge(1), "steps between two taps of a kernel"] = 1
    delta_dilation: Annotated[int, "the last layer's dilation minus the first one's"] = 0
    hierarchy: Annotated[Hierarchy, "how time constants grow with depth"] = "tanh"
    tau_mem: Annotated[float, *POSITIVE, "ms, membranes of hidden layers, on average"] = 300.0
    delta_tau: Annotated[float, *FINITE, "ms, the last layer's minus the first one's; < 0 is inverted"] = (
        400.0
    )
    tanh_width: Annotated[float, *POSITIVE, "of the tanh, in units of the depth"] = 0.5
    tanh_centre: Annotated[float, *FINITE, "of the tanh, in units of the depth"] = 0.5
    spread: Annotated[Spread, "how time constants vary within a layer"] = "normal"
    spread_width: Annotated[float, *NOT_NEGATIVE, "of the spread, over the mean"] = 0.1
    tau_out: Annotated[float, *POSITIVE, "ms, membranes of the outputs"] = 50.0
    train_tau: Annotated[bool, "time constants are trained with the weights"] = False
    readout: Annotated[Literal["steps", "cum"], "steps: a class at each step; cum: of the summed softmax"] = (
        "steps"
    )
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 60
    batch: Annotated[int, Ge(1), "samples a step"] = 512
    shuffled: Annotated[bool, "batches of other samples in each epoch"] = False
    learning_rate: Annotated[float, *POSITIVE, "of Adam"] = 0.01
    halve_at: Annotated[int, Ge(1), "epoch of the first halving; only in runs of five epochs more"] = 26
    halve_every: Annotated[int, Ge(1), "epochs between two halvings"] = 5
    adam_counter: Annotated[
        Literal["step", "epoch"], "what Adam corrects its moments by; epoch as in the authors' code"
    ] = "step"
    weight_range: Annotated[
        Literal["fan-in", "published"], "of first weights; published: of the default sizes of the authors"
    ] = "fan-in"
    surrogate: Annotated[Literal["box", "fast-sigmoid"], "derivative that stands for that of a spike"] = "box"
    dropout: Annotated[float, Ge(0), Lt(1), "of the spikes of hidden layers, in training"] = 0.1
    precision: Annotated[Literal["float32", "float64"], "of states and products"] = "float32"
    weight_penalty: Annotated[float, *NOT_NEGATIVE, "times the norm of all weights and scales"] = 0.0
    rate_penalty: Annotated[float, *NOT_NEGATIVE, "times the squared distance to `target_spikes`"] = 0.0
    target_spikes: Annotated[float, *NOT_NEGATIVE, "spikes a neuron and sample"] = 12.0
    pull: Annotated[float, *NOT_NEGATIVE, "of the decays of a layer towards their mean"] = 0.01
    varied: Annotated[
        Literal["delta_tau", "tau_mem", "noise", "n_hidden", "delta_kernel", "delta_dilation"],
        "key that differs between the networks compared",
    ] = "delta_tau"
    compared: Annotated[tuple[Annotated[float, *FINITE], ...], "its values; empty for one network"] = ()
    networks: Annotated[int, Ge(1), "trained for each value, with seeds that follow each other"] = 1
    samples_recorded: Annotated[int, Ge(0), "test samples whose spikes and membranes are kept"] = 3
