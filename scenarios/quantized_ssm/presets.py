"""Published settings by task and size, sweeps over bits, and a short run.

The digits follow the reference sheet's second recipe; images of MNIST pixel by pixel, the paper.
"""

DIGITS: dict[str, object] = {}
QUICK: dict[str, object] = {"epochs": 12, "qat_epochs": 1, "sweep": "parts"}
# The most bits at which the digits lose ten points, so that there is something to recover.
TUNED: dict[str, object] = {"pole_bits": 5, "state_bits": 5, "qat_epochs": 5}
SMNIST: dict[str, object] = {
    "dataset": "smnist",
    "n_states": 64,
    "depth": 1,
    "delta_min": 1e-3,
    "delta_max": 0.1,
    "epochs": 14,  # the paper: 30
    "batch": 64,
    "learning_rate": 0.01,
    "pole_rate": 1e-3,
    "weight_decay": 0.01,
    "dropout": 0.1,
    "pole_bits": 8,
    "state_bits": 8,
    "qat_epochs": 1,  # the paper: 10
    "qat_rate": 1e-4,
    "calibration_samples": 64,
    "outside": "zero",  # passed on, gradients of values beyond their range make the loss rise after 200 steps
}

# One layer without a norm predicts the series; the hard gate from the start, since all but poles stays exact.
STREAM: dict[str, object] = {
    "dataset": "mackey_glass",
    "depth": 1,
    "normalised": False,
    "activation": "qgelu",
    "delta_min": 0.01,
    "delta_max": 0.5,
    "epochs": 100,
    "batch": 4,
    "learning_rate": 0.01,
    "pole_rate": 0.002,
    "qat_epochs": 0,
}

PRESETS: dict[str, dict[str, object]] = {
    "digits": DIGITS,
    "quick": QUICK,
    "digits-long": {"repeat": 8, "epochs": 15},
    "smnist-16h": SMNIST,
    "smnist-64h": SMNIST | {"n_heads": 64},
    "ptq-sweep": {"sweep": "parts", "qat_epochs": 0},
    "bits-heatmap": {"sweep": "heatmap", "qat_epochs": 0},
    "qat-discrete": TUNED | {"parametrisation": "discrete"},
    "qat-continuous": TUNED | {"parametrisation": "continuous"},
    "qat-frozen": TUNED | {"parametrisation": "frozen"},
    "smnist-ptq-sweep": SMNIST | {"sweep": "parts", "qat_epochs": 0},
    "smnist-bits-heatmap": SMNIST | {"n_heads": 64, "sweep": "heatmap", "qat_epochs": 0},
    "bits-heatmap-tuned": {"sweep": "heatmap_tuned", "qat_epochs": 2},
    "log-polar": {"scheme": "log_polar"},
    "mackey-glass-stream": STREAM,
}
