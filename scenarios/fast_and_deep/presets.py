"""The settings of the authors' code, and shorter ones."""

MNIST: dict[str, object] = {
    "bias_time": None,
    "noise": 0.3,
}
MNIST_16: dict[str, object] = MNIST | {
    "dataset": "mnist-16x16",
    "init_mean": (0.1, 0.6),
    "init_std": (0.4, 0.8),
    "epochs": 200,
    "batch": 50,
    "learning_rate": 0.003,
    "decay_every": 10,
    "decay": 0.9,
    "max_missing": (0.5, 0.5),
}
PRESETS: dict[str, dict[str, object]] = {
    "yin-yang": {},
    "yin-yang-tau2": {"tau_mem": 2.0},
    # Ours, for a last epoch that holds: the published limits let training end in bumps of changing size.
    "cosine": {
        "init_std": (1.8, 0.8),
        "epochs": 100,
        "learning_rate": 0.02,
        "lr_schedule": "cosine",
        "alpha": 0.001,
        "max_missing": (0.3, 0.1),
    },
    # Ours: 20 LIF neurons; the membranes of silent labels are pulled, and nothing is bumped.
    "membrane": {
        "n_hidden": 20,
        "init_std": (1.8, 0.8),
        "epochs": 100,
        "learning_rate": 0.02,
        "lr_schedule": "cosine",
        "alpha": 0.001,
        "max_missing": (1.0, 1.0),
        "silent_pull": 3.0,
    },
    # Ours: 20 quadratic neurons learn by weights alone; a last input gives each label a spike.
    "qif": {
        "neuron": "qif",
        "n_hidden": 20,
        "tau_mem": 2.0,
        "init_mean": (3.0, 2.0),
        "init_std": (3.0, 2.0),
        "end_time": 3.0,
        "end_weight": 40.0,
        "epochs": 40,
        "batch": 100,
        "learning_rate": 0.2,
        "lr_schedule": "cosine",
        "max_missing": (1.0, 1.0),
        "max_dw_norm": 1000.0,
    },
    "mnist": MNIST
    | {
        "dataset": "mnist",
        "n_hidden": 350,
        "init_mean": (0.05, 0.15),
        "init_std": (0.8, 0.8),
        "epochs": 150,
        "batch": 80,
        "learning_rate": 0.005,
        "decay_every": 15,
        "decay": 0.9,
        "max_missing": (0.15, 0.05),
    },
    "mnist-16x16": MNIST_16 | {"n_hidden": 128},
    "mnist-16x16-246": MNIST_16 | {"n_hidden": 246},
    "brainscales2": {
        "copies": 5,
        "v_th": 1.52,
        "bias_for_label": False,
        # The published (0.1, 0.075) and (0.12, 0.15) leave all hidden neurons of our chip silent.
        "init_mean": (0.45, 0.75),
        "init_std": (0.55, 1.0),
        "epochs": 60,
        "batch": 40,
        "learning_rate": 0.003,
        "decay_every": 6,
        "decay": 0.8,
        "max_missing": (0.3, 0.05),
    },
    # Ours: wider initial weights, and label neurons that may be silent, so that few batches are bumps.
    "quick": {
        "init_std": (1.8, 0.8),
        "epochs": 30,
        "batch": 100,
        "learning_rate": 0.01,
        "lr_schedule": "cosine",
        "max_missing": (1.0, 0.3),
    },
}
