"""The configuration of `quantized-ssm`: what each key means, its bounds and its default."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le, Lt

from eventsim.scenarios.quantized_ssm.presets import PRESETS
from eventsim.scenarios.scenario import NOT_NEGATIVE, POSITIVE, Scenario, Sections

Bits = Annotated[int, Ge(1), Le(32), "32: full precision"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(Scenario):
    """The configuration; the defaults are the digits of the reference sheet."""

    paper: ClassVar[str] = "Zhao et al. 2025, Quantizing small-scale state-space models for edge AI"
    presets: ClassVar[dict[str, dict[str, object]]] = PRESETS
    sections: ClassVar[Sections] = {
        "task": ("dataset", "repeat", "train_samples"),
        "network": (
            "n_heads",
            "n_states",
            "depth",
            "residual",
            "normalised",
            "activation",
            "dropout",
            "poles",
            "delta_min",
            "delta_max",
            "discretisation",
        ),
        "training": ("epochs", "batch", "learning_rate", "pole_rate", "weight_decay"),
        "quantization": (
            "pole_bits",
            "state_bits",
            "matrix_bits",
            "weight_bits",
            "activation_bits",
            "scheme",
            "per",
            "parts",
            "zero",
            "calibration",
            "calibration_samples",
            "clip",
            "rounded_activation",
        ),
        "fine-tuning": ("parametrisation", "qat_epochs", "qat_rate", "gradient_limit", "outside"),
        "sweep": ("sweep",),
    }

    dataset: Annotated[
        Literal["digits", "smnist", "mackey_glass"], "digits or MNIST by pixels, or a series"
    ] = "digits"
    repeat: Annotated[int, Ge(1), "steps that show the same pixel"] = 1
    train_samples: Annotated[int, Ge(0), "of the training set; 0 for all"] = 0
    n_heads: Annotated[int, Ge(1), Le(4096), "H, channels"] = 16
    n_states: Annotated[int, Ge(2), Le(1024), "N, states of a head; half of them are stored"] = 32
    depth: Annotated[int, Ge(1), Le(100), "state-space layers"] = 2
    residual: Annotated[bool, "the input of a layer is added to its output"] = True
    normalised: Annotated[bool, "layer norm after each layer"] = True
    activation: Annotated[Literal["gelu", "qgelu", "qgelu_printed"], "in pre-training"] = "gelu"
    dropout: Annotated[float, Ge(0), Lt(1), "after activation and gated unit, in training"] = 0.0
    poles: Annotated[Literal["lin", "inv", "legs"], "at the start"] = "lin"
    delta_min: Annotated[float, *POSITIVE, "shortest time step of a head at the start"] = 0.01
    delta_max: Annotated[float, *POSITIVE, "longest"] = 0.5
    discretisation: Annotated[Literal["zoh", "bilinear"], "of the continuous model"] = "zoh"
    epochs: Annotated[int, Ge(0), "of pre-training, in convolution form"] = 25
    batch: Annotated[int, Ge(1), "samples a step"] = 48
    learning_rate: Annotated[float, *POSITIVE, "of AdamW, falling along a cosine"] = 0.02
    pole_rate: Annotated[float, *POSITIVE, "of a, b and log delta"] = 0.005
    weight_decay: Annotated[float, *NOT_NEGATIVE, "of all but poles, time steps and norms"] = 0.0
    pole_bits: Annotated[Bits, "of each part of A_bar"] = 6
    state_bits: Annotated[Bits, "of each part of a state"] = 6
    matrix_bits: Annotated[Bits, "of B_bar, C and D"] = 4
    weight_bits: Annotated[Bits, "of linear maps"] = 4
    activation_bits: Annotated[Bits, "of all values between layers"] = 6
    scheme: Annotated[
        Literal["asymmetric", "symmetric", "polar", "log_polar"], "of poles; all else is asymmetric"
    ] = "asymmetric"
    per: Annotated[Literal["head", "tensor"], "what has a range of its own"] = "head"
    parts: Annotated[Literal["shared", "separate"], "ranges of real and imaginary part"] = "shared"
    zero: Annotated[Literal["included", "bare"], "whether ranges contain 0"] = "included"
    calibration: Annotated[Literal["static", "dynamic"], "of ranges of states"] = "static"
    calibration_samples: Annotated[int, Ge(1), "of the training set"] = 256
    clip: Annotated[float, *POSITIVE, "of real and imaginary parts of states"] = 50.0
    rounded_activation: Annotated[Literal["qgelu", "qgelu_printed"], "in place of GELU once quantised"] = (
        "qgelu"
    )
    parametrisation: Annotated[Literal["discrete", "continuous", "frozen"], "what fine-tuning trains"] = (
        "frozen"
    )
    qat_epochs: Annotated[int, Ge(0), "of fine-tuning, in recurrent form"] = 2
    qat_rate: Annotated[float, *POSITIVE, "of Adam in fine-tuning"] = 0.002
    gradient_limit: Annotated[float, *POSITIVE, "of the adjoint's real and imaginary parts"] = 1000.0
    outside: Annotated[
        Literal["identity", "zero"], "gradient of a value outside its static range: passed on, or none"
    ] = "identity"
    sweep: Annotated[
        Literal["none", "parts", "heatmap", "heatmap_tuned"],
        "accuracy by part and bits, or by bits of poles and states, rounded or fine-tuned",
    ] = "none"
