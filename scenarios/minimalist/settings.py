"""The configuration of `minimalist`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, Len

from eventsim.scenarios.minimalist.presets import PRESETS, Imperfection, Stage
from eventsim.scenarios.scenario import POSITIVE, Scenario, Sections


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are the digits of the reference sheet."""

    paper: ClassVar[str] = (
        "Billaudelle et al. 2025, MINIMALIST: switched-capacitor circuits for efficient in-memory "
        "computation of gated recurrent units"
    )
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    accepts_hardware: ClassVar[bool] = True
    time_unit: ClassVar[str] = "us"
    repeated_by: ClassVar[str] = "networks"
    sections: ClassVar[Sections] = {
        "task": ("dataset", "shown", "thresholds", "train_samples", "test_samples", "validation_samples"),
        "network": (
            "hidden",
            "core_rows",
            "unused",
            "slope",
            "width",
            "gain",
            "levels",
            "bias_step",
            "threshold_step",
            "rounding",
            "constraints",
        ),
        "training": ("epochs", "batch", "learning_rate"),
        "comparison": ("compared", "networks"),
        "circuit": ("circuit_samples", "in_the_loop", "imperfections", "devices"),
    }

    dataset: Annotated[Literal["digits", "smnist"], "8 x 8 digits or MNIST"] = "digits"
    shown: Annotated[Literal["rows", "pixels"], "a row of the image a step, or one pixel"] = "rows"
    thresholds: Annotated[int, Ge(1), Le(64), "binary inputs of a pixel: whether it is above each"] = 4
    train_samples: Annotated[int, Ge(0), "of the training set; 0 for all"] = 0
    test_samples: Annotated[int, Ge(0), "of the test set; 0 for all"] = 0
    validation_samples: Annotated[int, Ge(0), "kept back from the training set"] = 200
    hidden: Annotated[
        tuple[Annotated[int, Ge(1), Le(1_000_000)], ...], Len(1, 16), "units of the hidden layers"
    ] = (64, 64)
    core_rows: Annotated[int, Ge(1), Le(4096), "of a core, at least as many as it has inputs"] = 64
    unused: Annotated[
        Literal["repeat", "idle", "exact"], "rows left over: driven again, at the reference, or not there"
    ] = "repeat"
    slope: Annotated[float, *POSITIVE, "of the gate"] = 6.0
    width: Annotated[float, *POSITIVE, "of the surrogate of a binary output"] = 0.15
    gain: Annotated[float, *POSITIVE, "of the states that the loss reads"] = 20.0
    levels: Annotated[Literal["symmetric", "with_zero"], "of a weight: -1, -1/3, 1/3, 1 or -1, 0, 1/2, 1"] = (
        "symmetric"
    )
    bias_step: Annotated[float, *POSITIVE, "of gate biases, in units of the gate"] = 1 / 32
    threshold_step: Annotated[float, *POSITIVE, "of thresholds, in units of the state"] = 1 / 128
    rounding: Annotated[Literal["nearest", "floor"], "of gates to their codes"] = "nearest"
    constraints: Annotated[Stage, "of the circuit that hold, up to and with this one"] = "all"
    epochs: Annotated[int, Ge(0), "of training"] = 40
    batch: Annotated[int, Ge(1), "samples a step"] = 48
    learning_rate: Annotated[float, *POSITIVE, "of Adam, falling along a cosine"] = 0.01
    compared: Annotated[tuple[Stage, ...], "constraints that networks are compared at; empty for one"] = ()
    networks: Annotated[int, Ge(1), "seeds of each"] = 1
    circuit_samples: Annotated[int, Ge(0), "test samples that the circuit is shown; 0 for all"] = 0
    in_the_loop: Annotated[bool, "whether training runs forward on the circuit of --hardware"] = False
    imperfections: Annotated[tuple[Imperfection, ...], "that accuracy is measured with; empty for none"] = ()
    devices: Annotated[int, Ge(1), "drawn for each size of an imperfection"] = 3
