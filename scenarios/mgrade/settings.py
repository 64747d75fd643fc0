"""The configuration of `mgrade`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le

from eventsim.errors import ConfigError
from eventsim.scenarios.mgrade.presets import PRESETS
from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Scenario, Sections

__all__ = ["MODELS", "Model", "Settings"]

Model = Literal["mgrade", "convolution", "min_gru"]
MODELS: tuple[Model, ...] = ("mgrade", "convolution", "min_gru")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are the digits of the reference sheet."""

    paper: ClassVar[str] = (
        "Torchet et al. 2025, mGRADE: minimal recurrent gating meets delay convolutions for lightweight "
        "sequence modeling"
    )
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "task": ("task", "permuted", "train_samples", "held_out"),
        "network": ("model", "order", "n_channels", "depth", "decoder", "pooling"),
        "convolution": (
            "taps",
            "window",
            "kernel",
            "positions",
            "train_positions",
            "first_spread",
            "round_positions",
        ),
        "training": ("epochs", "batch", "learning_rate", "position_factor", "weight_decay"),
        "study": ("study", "budgets", "streamed"),
    }

    task: Annotated[
        Literal["digits", "smnist", "fsdd"],
        "what is learned",
    ] = "digits"
    permuted: Annotated[bool, "pixels in one fixed random order"] = False
    train_samples: Annotated[int, Ge(0), "of the training set; 0 for all"] = 0
    held_out: Annotated[int, Ge(0), "training samples kept for validation"] = 0
    model: Annotated[Model, "the whole, or one of its halves"] = "mgrade"
    order: Annotated[Literal["pre", "paper"], "of norms and skips within a layer"] = "pre"
    n_channels: Annotated[int, Ge(1), Le(4096), "d"] = 16
    depth: Annotated[int, Ge(1), Le(100), "L, layers"] = 2
    decoder: Annotated[Literal["linear", "hidden"], "a linear map, or one behind hidden GELU units"] = (
        "linear"
    )
    pooling: Annotated[Literal["mean", "last"], "of the outputs over time, for a class"] = "mean"
    taps: Annotated[int, Ge(1), Le(4096), "K, taps of a channel"] = 4
    window: Annotated[int, Ge(1), Le(65536), "Gamma, steps: the largest delay plus 1"] = 16
    kernel: Annotated[Literal["triangle", "gauss"], "how a tap acts on whole steps"] = "triangle"
    positions: Annotated[Literal["uniform", "dilated"], "of the taps at the start"] = "uniform"
    train_positions: Annotated[bool, "learn the delays"] = True
    first_spread: Annotated[float, *POSITIVE, "steps, width of Gauss taps at the start"] = 0.23
    round_positions: Annotated[bool, "delays become whole steps at the end"] = False
    epochs: Annotated[int, Ge(0), "of training"] = 25
    batch: Annotated[int, Ge(1), "samples a step"] = 48
    learning_rate: Annotated[float, *POSITIVE, "of AdamW, falling along a cosine"] = 4e-3
    position_factor: Annotated[float, *NOT_NEGATIVE, "rate of delays over that of weights"] = 5.0
    weight_decay: Annotated[float, *NOT_NEGATIVE, "of weights; biases, norms and delays do not decay"] = 0.0
    study: Annotated[
        Literal["single", "controls", "equal-memory"],
        "one network; the model and its halves; these at each budget",
    ] = "single"
    budgets: Annotated[tuple[int, ...], "words of parameters and states, of equal-memory"] = (
        2050,
        4400,
        8900,
    )
    streamed: Annotated[int, Ge(0), "test samples that run through the engine at the end"] = 32

    def check(self) -> None:
        """Raise a ConfigError if settings do not go together."""
        if self.permuted and self.task not in ("digits", "smnist"):
            raise ConfigError(f"permuted needs images, so task digits or smnist, got {self.task!r}")
        if self.study == "equal-memory" and not (self.budgets and min(self.budgets) > 0):
            raise ConfigError(f"budgets must be positive numbers of words, got {list(self.budgets)}")
        if self.first_spread != 0.23 and self.kernel != "gauss":
            raise ConfigError("first_spread needs kernel='gauss': a triangle has no width")
