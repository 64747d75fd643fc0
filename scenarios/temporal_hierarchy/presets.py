"""Published settings by task and by direction of the hierarchy, with two kinds of optimiser, and a short run.

The authors' code counts epochs where Adam counts steps, and draws first weights within ranges of its default
sizes. Presets that end in `-published` do the same; all others train with Adam of the textbook, from weights
within 1 / sqrt(fan-in). Accuracies of the paper are to be compared with the former.
"""

PUBLISHED: dict[str, object] = {"adam_counter": "epoch", "weight_range": "published"}
HOMOGENEOUS: dict[str, object] = {"delta_tau": 0.0}
INVERTED: dict[str, object] = {"delta_tau": -400.0}

EMERGENCE: dict[str, object] = {
    "n_layers": 3,
    "n_hidden": 32,
    "tau_mem": 200.0,
    "delta_tau": 0.0,
    "spread": "none",
    "train_tau": True,
    "pull": 1e-3,
}
AUDIO: dict[str, object] = {
    "readout": "cum",
    "n_layers": 3,
    "n_hidden": 32,
    "tau_mem": 100.0,
    "delta_tau": 150.0,
    "tau_out": 200.0,
    "spread": "uniform",
    "spread_width": 0.2,
    "batch": 256,
    "shuffled": True,
}
FSDD: dict[str, object] = AUDIO | {"dataset": "fsdd-spikes", "group": 5, "batch": 128}
SHD: dict[str, object] = AUDIO | {"dataset": "shd", "step": 14.0}
SSC: dict[str, object] = AUDIO | {
    "dataset": "ssc",
    "steps": 200,
    "step": 7.0,
    "n_layers": 4,
    "n_hidden": 128,
}
CONVOLUTION: dict[str, object] = {
    "hierarchy": "none",
    "delta_tau": 0.0,
    "tau_mem": 20.0,
    "n_layers": 2,
    "n_hidden": 128,
    "dropout": 0.4,
    "weight_penalty": 1e-4,
    "kernel": 5,
    "dilation": 5,
}
SMNIST: dict[str, object] = {
    "dataset": "smnist",
    "readout": "cum",
    "steps": 784,
    "step": 1.0,
    "n_layers": 3,
    "n_hidden": 64,
    "tau_mem": 50.0,
    "delta_tau": 80.0,
    "tau_out": 200.0,
    "spread": "uniform",
    "spread_width": 0.2,
    "batch": 256,
    "shuffled": True,
}
DIRECTIONS: dict[str, object] = {"compared": (-400.0, 0.0, 400.0)}
QUICK: dict[str, object] = DIRECTIONS | {
    "train_samples": 2560,
    "test_samples": 512,
    "batch": 128,
    "epochs": 20,
}

PRESETS: dict[str, dict[str, object]] = {
    "mts-xor": {},
    "mts-xor-homogeneous": HOMOGENEOUS,
    "mts-xor-inverted": INVERTED,
    "mts-xor-published": PUBLISHED,
    "mts-xor-homogeneous-published": PUBLISHED | HOMOGENEOUS,
    "mts-xor-inverted-published": PUBLISHED | INVERTED,
    "mts-xor-directions": DIRECTIONS | {"networks": 5},
    "mts-xor-directions-published": PUBLISHED | DIRECTIONS | {"networks": 5},
    "hierarchy-sweep": {
        "hierarchy": "linear",
        "compared": (-500.0, -400.0, -200.0, 0.0, 200.0, 400.0, 500.0),
    },
    "tau-sweep": {
        "delta_tau": 0.0,
        "varied": "tau_mem",
        "compared": (10.0, 50.0, 100.0, 200.0, 300.0, 400.0),
    },
    "noise-sweep": {"varied": "noise", "compared": (0.01, 0.05, 0.1, 0.15, 0.2, 0.25)},
    "noise-sweep-inverted": INVERTED | {"varied": "noise", "compared": (0.01, 0.05, 0.1, 0.15, 0.2, 0.25)},
    "emergence": EMERGENCE,
    "emergence-published": EMERGENCE | PUBLISHED,
    "fsdd": FSDD,
    "fsdd-homogeneous": FSDD | {"delta_tau": 0.0},
    "fsdd-inverted": FSDD | {"delta_tau": -150.0},
    "fsdd-directions": FSDD | {"compared": (-150.0, 0.0, 150.0), "networks": 5},
    "fsdd-kernels": FSDD | CONVOLUTION | {"delta_kernel": 4},
    "fsdd-dilations": FSDD | CONVOLUTION | {"delta_dilation": 3},
    "shd": SHD,
    "shd-homogeneous": SHD | {"delta_tau": 0.0},
    "shd-emergence": SHD
    | {
        "n_layers": 5,
        "delta_tau": 0.0,
        "spread": "normal",
        "spread_width": 0.1,
        "train_tau": True,
        "pull": 0.1,
        "epochs": 40,
    },
    "shd-kernels": SHD | CONVOLUTION | {"steps": 200, "delta_kernel": 4},
    "ssc": SSC,
    "smnist": SMNIST,
    "quick": QUICK,
}
