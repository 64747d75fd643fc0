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

FLIP_FLOP: dict[str, object] = {
    "task": "flip-flop",
    "study": "controls",
    "sequences": 512,
    "batch": 16,
    "epochs": 10,
    "learning_rate": 0.01,
    "streamed": 4,
}
LORENZ: dict[str, object] = {
    "task": "lorenz",
    "study": "controls",
    "depth": 1,
    "window": 32,
    "sequences": 512,
    "batch": 32,
    "epochs": 60,
    "learning_rate": 0.01,
    "streamed": 8,
}
COMBINED: dict[str, object] = {
    "task": "combined",
    "study": "controls",
    "window": 24,
    "taps": 6,
    "p_ignore": 0.97,
    "horizon": 6,
    "sequences": 512,
    "batch": 16,
    "epochs": 20,
    "learning_rate": 0.01,
    "streamed": 8,
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
    "flip-flop": FLIP_FLOP,
    "flip-flop-visible": FLIP_FLOP | {"mask_reads": False},
    "lorenz": LORENZ,
    "lorenz-positions": LORENZ | {"study": "positions"},
    "combined": COMBINED,
    "position-recovery": {
        "task": "position-recovery",
        "taps": 2,
        "epochs": 600,
        "learning_rate": 0.02,
    },
}
