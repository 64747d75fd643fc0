"""Published settings, shorter ones with the same method, and their controls."""

QUICK: dict[str, object] = {
    "task": "digits",
    "hidden": (60, 30),
    "tau": 10.0,
    "dt": 0.1,
    "ticks": 20,
    "batch": 32,
    "learning_rate": 2.0,
    "weight_std": 0.0,
    "epochs": 15,
}
LENET: dict[str, object] = {
    "maps": (20, 50),
    "hidden": (500,),
    "tau": 10.0,
    "dt": 0.1,
    "batch": 128,
    "learning_rate": 8.0,
    "lr_factors": (1.0, 0.2, 0.1),
    "epochs": 100,
}
MNIST_SHORT: dict[str, object] = {"ticks": 20, "batch": 128, "epochs": 40}
ADAM: dict[str, object] = {
    "optimiser": "adam",
    "lr_schedule": "cosine",
    "delayed_targets": True,
    "beta": 0.01,
    "lr_factors": (1.0,),
}
MNIST_ADAM: dict[str, object] = ADAM | {
    "ticks": 12,
    "batch": 32,
    "learning_rate": 0.001,
    "weight_std": 0.0,
    "epochs": 10,
}
LENET_SHORT: dict[str, object] = MNIST_ADAM | {"batch": 16, "epochs": 5}
BARS: dict[str, object] = {"task": "bars", "dt": 0.1, "ticks": 100, "epochs": 1000}

PRESETS: dict[str, dict[str, object]] = {
    "mnist": {},
    "mnist-short": MNIST_SHORT,
    "mnist-short-tau-200": MNIST_SHORT | {"tau": 200.0},
    "mnist-adam": MNIST_ADAM,
    "mnist-adam-tau-200": MNIST_ADAM | {"tau": 200.0},
    "mnist-tau-200": {"tau": 200.0},
    "mnist-random-feedback": {"feedback": "random"},
    "mnist-not-prospective": {"prospective": False, "tau": 10.0, "dt": 1.0, "ticks": 200},
    "mismatch-0.2": {"tau_spread": 0.2, "epochs": 100},
    "mismatch-0.3": {"tau_spread": 0.3, "epochs": 100},
    "mismatch-learned": {"tau_spread": 0.2, "tau_epochs": 10, "epochs": 100},
    "mismatch-prospective-errors": {"tau_spread": 0.01, "errors": "prospective", "epochs": 100},
    "synaptic-filter-0.1": {"tau_syn": 0.1, "epochs": 100},
    "synaptic-filter-0.5": {"tau_syn": 0.5, "dt": 0.1, "epochs": 100},
    "synaptic-filter-2": {"tau_syn": 2.0, "dt": 0.1, "ticks": 1000, "epochs": 100},
    "rate-noise": {"noise": 0.2, "readout_steps": 50, "tau_syn": 0.5, "dt": 0.05, "epochs": 100},
    "mnist-lenet": LENET,
    "mnist-lenet-short": LENET | LENET_SHORT,
    "fashion-mnist-lenet": LENET
    | {"task": "fashion-mnist", "ticks": 50, "lr_factors": (1.0, 0.2, 0.2, 0.2, 0.2, 0.1)},
    "fashion-mnist-lenet-short": LENET | LENET_SHORT | {"task": "fashion-mnist"},
    "fourier": {
        "task": "fourier",
        "hidden": (30,),
        "activation": "tanh",
        "tau": 10.0,
        "dt": 0.005,
        "ticks": 120_000,
        "learning_rate": 0.25,
    },
    "response": {"task": "response", "tau": 10.0, "dt": 0.1},
    "bars": BARS,
    "bars-not-prospective": BARS | {"prospective": False},
    "mimic": {"task": "mimic", "dt": 0.01, "ticks": 100, "epochs": 500},
    "yin-yang": QUICK
    | ADAM
    | {"task": "yin-yang", "hidden": (120,), "beta": 0.003, "learning_rate": 0.02, "epochs": 60},
    "quick": QUICK,
    "quick-not-prospective": QUICK | {"prospective": False},
    "quick-random-feedback": QUICK | {"feedback": "random"},
    "quick-tau-100": QUICK | {"tau": 100.0},
    "quick-noise": QUICK | {"noise": 0.2, "readout_steps": 10},
    "quick-synaptic-filter": QUICK | {"tau_syn": 0.5, "ticks": 60},
    "quick-mismatch": QUICK | {"tau_spread": 0.3},
    "quick-mismatch-learned": QUICK | {"tau_spread": 0.3, "tau_epochs": 5, "tau_learning_rate": 1e4},
}
