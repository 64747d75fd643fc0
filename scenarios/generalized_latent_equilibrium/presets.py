"""Published settings, shorter ones with the same method, and their controls."""

LAG_LINE: dict[str, object] = {
    "task": "lag-line",
    "dt": 0.01,
    "beta": 0.01,
    "gamma": 1.0,
    "learning_rate": 1e-4,
    "ticks": 400_000,
    "precision": "float64",
}
# As published: sequences in any order, all of a batch beginning at once, and the path of learning rates
# of the authors' runs, after whose 65 epochs nothing moves.
PUBLISHED_TRAINING: dict[str, object] = {
    "balanced": False,
    "staggered": False,
    "lr_schedule": "published",
    "epochs": 65,
}
QUICK: dict[str, object] = {"task": "synthetic", "layers": 3, "epochs": 8}
SYNTHETIC: dict[str, object] = {"task": "synthetic", "layers": 3, "epochs": 20}
SPOKEN: dict[str, object] = {
    "task": "spoken-digits",
    "layers": 3,
    "fast": 30,
    "slow": 120,
    "tau_fast": 2.4,
    "tau_slow": (0.6, 1.2, 1.8, 2.4),
    "tau_r": 0.1,
    "dt": 0.05,
    "ticks": 800,
    "interpolation": "cubic",
    "transition_steps": 16,
    "weight_scale": 2.5,
    "learning_rate": 5e-5,
    "epochs": 15,
}
SPOKEN_PUBLISHED: dict[str, object] = SPOKEN | {
    "fast": 150,
    "slow": 600,
    "balanced": False,
    "staggered": False,
    "interpolation": "linear",
    "transition_steps": 0,
    "weight_scale": 1.0,
    "batch": 256,
    "learning_rate": 2.5e-5,
    "lr_schedule": "plateau",
    "patience": 3,
    "factor": 0.9,
    "epochs": 420,
}
MACKEY_GLASS: dict[str, object] = {
    "task": "mackey-glass",
    "layers": 2,
    "fast": 20,
    "slow": 40,
    "learning_rate": 1e-3,
    "epochs": 300,
}
LAG_MEMORY: dict[str, object] = {
    "memory": 4,
    "layers": 2,
    "fast": 60,
    "slow": 0,
    "tau_fast": 2.0,
    "learning_rate": 1e-3,
}
# Half the batch gives 93.4 % of 500 held-out sequences (seed 1).
SMALL: dict[str, object] = {"batch": 50}
LARGE: dict[str, object] = {"fast": 30, "slow": 60}

PRESETS: dict[str, dict[str, object]] = {
    "mnist-1d-15k": SMALL,
    "mnist-1d-15k-instant-errors": SMALL | {"errors": "instant"},
    "mnist-1d-15k-instantaneous": SMALL | {"instantaneous": True},
    "mnist-1d-15k-published": PUBLISHED_TRAINING | {"learning_rate": 1e-3},
    "mnist-1d-42k": LARGE,
    "mnist-1d-42k-published": LARGE | PUBLISHED_TRAINING,
    "mnist-1d-lag-memory": LAG_MEMORY,
    "lag-line": LAG_LINE,
    "lag-line-instant-errors": LAG_LINE | {"errors": "instant"},
    "lag-net": {
        "task": "lag-net",
        "dt": 0.01,
        "gamma": 1e-3,
        "learning_rate": 0.02,
        "ticks": 100_100,
        "precision": "float64",
    },
    "spoken-digits": SPOKEN,
    "spoken-digits-published-size": SPOKEN_PUBLISHED,
    "mackey-glass": MACKEY_GLASS,
    "mackey-glass-instantaneous": MACKEY_GLASS | {"instantaneous": True},
    "gradient": {"task": "gradient", "dt": 0.005, "precision": "float64"},
    "synthetic": SYNTHETIC,
    "synthetic-instant-errors": SYNTHETIC | {"errors": "instant"},
    "synthetic-instantaneous": SYNTHETIC | {"instantaneous": True},
    "quick": QUICK,
    "quick-instant-errors": QUICK | {"errors": "instant"},
    "quick-instantaneous": QUICK | {"instantaneous": True},
}
