"""Settings by task. The paper's sizes could not be read, so these are the reference sheet's and ours."""

SMNIST: dict[str, object] = {
    "task": "smnist",
    "n_channels": 32,
    "depth": 3,
    "taps": 8,
    "window": 64,
    "epochs": 20,
    "batch": 32,
    "weight_decay": 0.01,
    "held_out": 5000,
}

PRESETS: dict[str, dict[str, object]] = {
    "digits": {},
    "controls": {"study": "controls"},
    "quick": {"study": "controls", "epochs": 15},
    "permuted-digits": {"permuted": True, "study": "controls"},
    "equal-memory": {"study": "equal-memory"},
    "smnist": SMNIST,
    "psmnist": SMNIST | {"permuted": True},
    "fsdd": {"task": "fsdd"},
}
