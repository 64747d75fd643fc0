"""The configuration of `spoken-digits`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, Lt

from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Scenario, Sections
from eventsim.scenarios.spoken_digits.presets import PRESETS

Bounds = tuple[Annotated[float, *POSITIVE], Annotated[float, *POSITIVE]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are those of the first preset."""

    paper: ClassVar[str] = (
        "Wunderlich, Pehle 2021, Event-based backpropagation; Göltz et al. 2025, DelGrad (delays)"
    )
    time_unit: ClassVar[str] = "ms"
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "task": ("dataset", "group"),
        "network": ("n_hidden", "train_delays", "delay", "longest_delay"),
        "neurons": ("tau_mem", "tau_syn", "t_ref", "tau_label", "tau_syn_label"),
        "training": (
            "epochs",
            "batch",
            "learning_rate",
            "label_learning_rate",
            "delay_learning_rate",
            "max_norm",
            "beta2",
            "temperature",
        ),
        "activity": ("activity", "pull", "bump", "max_slope_inverse"),
        "variation of training samples": ("shift", "jitter", "stretch", "drop"),
        "recording": ("test_samples_recorded",),
    }

    dataset: Annotated[Literal["fsdd-spikes", "shd", "sweeps"], "sweeps: generated, a little like speech"] = (
        "fsdd-spikes"
    )
    group: Annotated[int, Ge(1), "neighbouring channels that are one input"] = 1
    n_hidden: Annotated[int, Ge(1), Le(10**6), "neurons of the hidden layer"] = 128
    train_delays: Annotated[bool, "else they stay as they were drawn"] = True
    delay: Annotated[float, *POSITIVE, "ms, mean of the delays at first; recurrent ones have 5 ms more"] = (
        10.0
    )
    longest_delay: Annotated[float, *POSITIVE, "ms, a trained delay stays below it"] = 60.0
    tau_mem: Annotated[float, *POSITIVE, "ms, membrane of hidden neurons"] = 20.0
    tau_syn: Annotated[float, *POSITIVE, "ms, their synaptic current"] = 10.0
    t_ref: Annotated[float, *NOT_NEGATIVE, "ms, refractory time of hidden neurons"] = 2.0
    tau_label: Annotated[float, *POSITIVE, "ms, membrane of the label layer"] = 50.0
    tau_syn_label: Annotated[float, *POSITIVE, "ms, its synaptic current"] = 5.0
    epochs: Annotated[int, Ge(0), "passes over the training set"] = 40
    batch: Annotated[int, Ge(1), "samples a step"] = 32
    learning_rate: Annotated[float, *POSITIVE, "of Adam, for weights into hidden neurons"] = 0.0003
    label_learning_rate: Annotated[float, *POSITIVE, "of Adam, for weights into the label layer"] = 0.001
    delay_learning_rate: Annotated[float, *POSITIVE, "of Adam, for the parameters of delays"] = 0.005
    max_norm: Annotated[float, *POSITIVE, "longer gradients of a batch are scaled down to it"] = 0.01
    beta2: Annotated[float, Ge(0), Lt(1), "of Adam, decay of the second moments"] = 0.99
    temperature: Annotated[float, *POSITIVE, "of the softmax of the largest membranes"] = 1.0
    activity: Annotated[Bounds, "spikes a sample that hidden neurons are kept between"] = (8.0, 15.0)
    pull: Annotated[float, *NOT_NEGATIVE, "how strongly"] = 0.01
    bump: Annotated[float, *NOT_NEGATIVE, "added to weights into silent hidden neurons"] = 1e-4
    max_slope_inverse: Annotated[float, *POSITIVE, "ms, spikes with 1 / v' above it pass none on"] = 50.0
    shift: Annotated[int, Ge(0), "channels, in training samples are moved by at most so many"] = 0
    jitter: Annotated[float, *NOT_NEGATIVE, "ms, of spikes in training"] = 1.0
    stretch: Annotated[float, *NOT_NEGATIVE, "training samples last e^-this to e^this times as long"] = 0.1
    drop: Annotated[float, Ge(0), Lt(1), "fraction of spikes left out in training, at most"] = 0.15
    test_samples_recorded: Annotated[int, Ge(0), "shown to the trained network in the event engine"] = 5
