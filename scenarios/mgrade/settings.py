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
        "generated": (
            "sequences",
            "test_sequences",
            "instructions",
            "p_ignore",
            "mask_reads",
            "steps",
            "horizon",
        ),
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
        "study": ("study", "budgets", "starts", "streamed"),
    }

    task: Annotated[
        Literal["digits", "smnist", "fsdd", "flip-flop", "lorenz", "combined", "position-recovery"],
        "what is learned",
    ] = "digits"
    permuted: Annotated[bool, "pixels in one fixed random order"] = False
    train_samples: Annotated[int, Ge(0), "of the training set; 0 for all"] = 0
    held_out: Annotated[int, Ge(0), "training samples kept for validation"] = 0
    sequences: Annotated[int, Ge(1), "generated for training, the same in each epoch"] = 1024
    test_sequences: Annotated[int, Ge(1), "generated for the test"] = 256
    instructions: Annotated[int, Ge(2), "of a flip-flop sequence, two steps each"] = 256
    p_ignore: Annotated[float, Ge(0), Le(1), "share of instructions to ignore"] = 0.8
    mask_reads: Annotated[bool, "bits after read instructions are not shown"] = True
    steps: Annotated[int, Ge(1), "of a sequence of a dynamical system"] = 256
    horizon: Annotated[int, Ge(1), "steps ahead that are predicted"] = 10
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
        Literal["single", "controls", "positions", "equal-memory"],
        "one network; the model and its halves; learned and fixed delays; the model and its halves by budget",
    ] = "single"
    budgets: Annotated[tuple[int, ...], "words of parameters and states, of equal-memory"] = (
        2050,
        4400,
        8900,
    )
    starts: Annotated[int, Ge(1), "draws of the first delays, of position-recovery"] = 8
    streamed: Annotated[int, Ge(0), "test samples that run through the engine at the end"] = 32

    def check(self) -> None:
        """Raise a ConfigError if settings do not go together."""
        if self.permuted and self.task not in ("digits", "smnist"):
            raise ConfigError(f"permuted needs images, so task digits or smnist, got {self.task!r}")
        if self.held_out and self.task not in ("digits", "smnist", "fsdd"):
            raise ConfigError(f"held_out needs published data, got task {self.task!r}")
        if self.task in ("lorenz", "combined") and self.steps <= self.window:
            raise ConfigError(f"steps must exceed the window of {self.window}, got {self.steps}")
        if self.study == "equal-memory" and not (self.budgets and min(self.budgets) > 0):
            raise ConfigError(f"budgets must be positive numbers of words, got {list(self.budgets)}")
        if self.first_spread != 0.23 and self.kernel != "gauss":
            raise ConfigError("first_spread needs kernel='gauss': a triangle has no width")
