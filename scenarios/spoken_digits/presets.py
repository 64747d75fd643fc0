"""The recordings, the control without trained delays, and a short run."""

PRESETS: dict[str, dict[str, object]] = {
    "fsdd-spikes": {},
    "weights-only": {"train_delays": False},
    "shd": {"dataset": "shd"},
    "quick": {"dataset": "sweeps", "n_hidden": 32, "group": 10, "epochs": 4},
}
