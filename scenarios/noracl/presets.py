"""Settings by row of the table: streams of digits and of MNIST, each beside networks of constant size.

Epochs, learning rates, lambda = 5000 and gates of "split-mnist" are the paper's where it names them. With
lambda = 5000 only the Fisher information of batches keeps gradient descent stable, so these presets have it.
Streams of permuted and rotated MNIST are short; the whole ones take ten minutes and more a network.
"""

DIGITS: dict[str, object] = {"static_widths": (8, 16, 32, 64)}
PERMUTED_DIGITS: dict[str, object] = {
    "stream": "permuted",
    "tasks": 8,
    "hidden": (12,),
    "importance": 20.0,
    "static_widths": (24, 48, 96),
}
# Old weights are not shaken when units come: no higher rate, and the optimiser keeps its steps.
CALM: dict[str, object] = {"cooldown": 1, "lr_boost": 1.0, "after_growth": "kept"}
# The published configuration: batches of 256, 10 epochs of the first task and 30 of the others.
PUBLISHED: dict[str, object] = {
    "dataset": "mnist",
    "optimiser": "sgd",
    "batch": 256,
    "first_epochs": 10,
    "epochs": 30,
    "first_learning_rate": 0.1,
    "learning_rate": 0.005,
    "importance": 5000.0,
    "fisher_gradients": "batch",
    "threshold": "decay",
}
SPLIT: dict[str, object] = PUBLISHED | {"static_widths": (32,)}
SHORT: dict[str, object] = {
    "dataset": "mnist",
    "train_samples": 5000,
    "test_samples": 1000,
    "batch": 128,
    "first_epochs": 6,
    "epochs": 6,
    "learning_rate": 0.001,
    "first_learning_rate": 0.001,
    "importance": 100.0,
    "fisher_samples": 512,
    "static_widths": (64,),
    "entries": "active",
    "largest": 58,
} | CALM
PER_TASK: dict[str, object] = {"trigger": "fixed_pertask", "k_fixed": 5, "static_widths": ()}

PRESETS: dict[str, dict[str, object]] = {
    "digits": DIGITS,
    "digits-permuted": PERMUTED_DIGITS,
    "digits-permuted-calm": PERMUTED_DIGITS | CALM | {"static_widths": (), "controls": ("matched",)},
    "digits-rotated": PERMUTED_DIGITS | {"stream": "rotated"},
    "digits-repeated": {"stream": "repeated", "tasks": 5},
    "digits-si": {"method": "si", "si_strength": 1.0, "static_widths": (8, 32)},
    "quick": {"static_widths": (12, 32), "epochs": 15, "first_epochs": 15},
    "split-mnist-2": SPLIT,
    "split-mnist-2-half": SPLIT | {"train_samples": 30000, "controls": ("matched",)},
    "split-mnist-1": SPLIT | {"hidden": (12,)},
    "split-fashion-2": SPLIT | {"dataset": "fashion-mnist"},
    "permuted-mnist-1": SHORT | {"stream": "permuted", "hidden": (12,)},
    "permuted-mnist-1-per-task": SHORT | {"stream": "permuted", "hidden": (12,)} | PER_TASK,
    "permuted-mnist-2": SHORT | {"stream": "permuted"},
    "rotated-mnist-1": SHORT | {"stream": "rotated", "hidden": (12,)},
    "permuted-mnist-1-whole": PUBLISHED | {"stream": "permuted", "hidden": (12,), "static_widths": (64,)},
    "permuted-mnist-2-whole": PUBLISHED | {"stream": "permuted", "static_widths": (64,)},
}
