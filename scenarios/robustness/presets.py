"""What is trained: first-spike networks, or networks with delays."""

DELGRAD: dict[str, object] = {
    "system": "delgrad",
    "n_hidden": 30,
    "epochs": 60,
    "decay_every": 4,
    "missing_labels": 0.05,
}
PRESETS: dict[str, dict[str, object]] = {
    "fast-and-deep": {},
    "delgrad-W": DELGRAD | {"preset": "W"},
    "delgrad-WA": DELGRAD | {"preset": "WA", "learning_rate": 0.01},
    "quick": {"imperfections": ("jitter", "weight_bits"), "networks": 1, "epochs": 10, "decay_every": 1},
}
