"""The paper's settings, and shorter ones."""

PRESETS: dict[str, dict[str, object]] = {
    "paper": {"n_hidden": 30, "epochs": 300, "batch": 20, "learning_rate": 0.01, "runs": 20},
    "quick": {"epochs": 30, "runs": 5},
}
