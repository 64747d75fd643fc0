"""Settings by task, and a short run."""

ALL = tuple(range(17, 31))

PRESETS: dict[str, dict[str, object]] = {
    "mackey-glass": {"taus": ALL, "repetitions": 30, "network_repetitions": 1},
    "tau-17": {"taus": (17,), "repetitions": 30, "network_repetitions": 5},
    "quick": {
        "taus": (17, 23),
        "repetitions": 2,
        "network_repetitions": 1,
        "epochs": 40,
        "refining_steps": 40,
        "spiking_units": 24,
        "spiking_epochs": 40,
        "reservoir": 100,
    },
    "few-shot": {"task": "few-shot", "network_repetitions": 5},
    "few-shot-quick": {
        "task": "few-shot",
        "network_repetitions": 1,
        "hidden": (32,),
        "base_epochs": 3,
    },
    "few-shot-mswc": {"task": "few-shot", "words": "mswc", "network_repetitions": 1, "hidden": (256, 256)},
    "primate-reaching": {"task": "primate-reaching"},
    "primate-reaching-quick": {
        "task": "primate-reaching",
        "sessions": ("indy_20160622_01",),
        "reaching_epochs": 25,
    },
    "qubo": {"task": "qubo"},
    "qubo-quick": {"task": "qubo", "sizes": (10, 25, 50), "densities": (0.05, 0.25), "time_limit": 0.2},
}
