"""Settings by task, the constraints one by one, and a short run.

Numbers of units, epochs and rates are those of the reference sheet's prototype; the paper's are not known.
"""

from typing import Literal, get_args

Imperfection = Literal[
    "mismatch",
    "thermal_noise",
    "offset",
    "offset_at_output",
    "offset_trimmed",
    "offset_at_output_trimmed",
    "comparator_noise",
    "parasitic",
    "parasitic_state",
    "injection",
    "leak",
    "settling",
    "level_error",
    "all_small",
]
Stage = Literal["none", "outputs", "hard_gate", "gate_bits", "weights", "all"]

DIGITS: dict[str, object] = {"networks": 5}
QUICK: dict[str, object] = {}
SMNIST: dict[str, object] = {
    "dataset": "smnist",
    "thresholds": 2,
    "validation_samples": 5000,
    "epochs": 20,
    "batch": 64,
    "learning_rate": 0.005,  # at 0.01 networks of few bits fall back by ten points in some epochs
}
IMPERFECTIONS = get_args(Imperfection)
STAGES = get_args(Stage)

PRESETS: dict[str, dict[str, object]] = {
    "digits": DIGITS,
    "quick": QUICK,
    "smnist": SMNIST,
    "smnist-comparison": SMNIST | {"compared": ("hard_gate", "all")},
    "imperfections": {"imperfections": IMPERFECTIONS, "networks": 3, "devices": 2},
    "traces": {},
    "ablation": {"compared": STAGES, "networks": 3},
}
