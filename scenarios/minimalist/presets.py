"""Settings by task, the constraints one by one, and a short run.

Numbers of units, epochs and rates are those of the reference sheet's prototype; the paper's are not known.
"""

DIGITS: dict[str, object] = {}
QUICK: dict[str, object] = {"epochs": 20}
SMNIST: dict[str, object] = {
    "dataset": "smnist",
    "thresholds": 2,
    "validation_samples": 5000,
    "epochs": 20,
    "batch": 64,
}
STAGES = ("none", "outputs", "hard_gate", "gate_bits", "weights", "all")

PRESETS: dict[str, dict[str, object]] = {
    "digits": DIGITS,
    "quick": QUICK,
    "smnist": SMNIST,
    "smnist-comparison": SMNIST | {"compared": ("hard_gate", "all")},
    "ablation": {"compared": STAGES, "networks": 3},
}
