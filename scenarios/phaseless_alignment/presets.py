"""Published settings, shorter ones with the same method, and their controls."""

FEEDBACK: dict[str, object] = {}  # the defaults
NONLINEAR: dict[str, object] = {
    "weight_range": (-5.0, 5.0),
    "feedback_range": (-5.0, 5.0),
    "rate_feedback": 20.0,
    "rate_from_interneurons": 0.5,
    "epochs": 500,
    "recorded_every": 5,
}
TEACHER: dict[str, object] = {
    "task": "teacher-student",
    "hidden": (1,),
    "n_inputs": 1,
    "n_outputs": 1,
    "weight_range": (-1.0, 0.0),
    "feedback_range": (-1.0, 0.0),
    "sigma": 0.01,
    "decay": 1e-6,
    "rate_forward": (2.0, 0.5),
    "rate_feedback": 20.0,
    "rate_to_interneurons": 10.0,
    "rate_from_interneurons": 0.5,
    "tau_low_pass": 100.0,
    "epochs": 5000,
    "recorded_every": 50,
}
YIN_YANG: dict[str, object] = {
    "task": "yin-yang",
    "hidden": (30,),
    "weight_range": (-0.1, 0.1),
    "feedback_range": (-1.0, 1.0),
    "sigma": 0.01,
    "decay": 1e-6,
    "rate_forward": (50.0, 0.01),
    "rate_feedback": 0.5,
    "rate_to_interneurons": 0.05,
    "rate_from_interneurons": 0.02,
    "tau_low_pass": 100.0,
    "noise_update": "exact",
    "samples": 6000,
    "epochs": 400,
    "recorded_every": 10,
}
RELAXED: dict[str, object] = YIN_YANG | {  # 4.5 relaxation times of 1 / (eta decay) = 1e5 ms
    "sigma": 0.1,
    "decay": 4e-6,
    "rate_feedback": 2.5,
    "rate_from_interneurons": 0.2,
    "epochs": 75,
    "recorded_every": 15,
}
RATES: dict[str, object] = {
    "dt": 0.1,
    "presentation": 10.0,
    "tau_noise": 1.0,
    "tau_high_pass": 1.0,
    "noise_update": "exact",
}
DIGITS: dict[str, object] = RATES | {
    "task": "classify",
    "hidden": (40, 20),
    "sigma": 0.1,
    "decay": 1e-3,
    "rate_feedback": 0.2,
    "weight_std": 0.15,
    "learning_rate": 0.1,
    "epochs": 30,
    "recorded_every": 3,
}
MNIST: dict[str, object] = DIGITS | {
    "dataset": "mnist",
    "hidden": (100, 50),
    "weight_std": 0.05,
    "epochs": 2,
    "recorded_every": 1,
}
AUTOENCODER: dict[str, object] = RATES | {
    "task": "autoencoder",
    "dataset": "mnist",
    "hidden": (200, 2, 200),
    "sigma": 0.01,
    "decay": 1e-4,
    "rate_feedback": 0.8,
    "lr_factors": (1e-2, 1e-2, 1e-2, 1e-3),
    "epochs": 10,
    "recorded_every": 1,
}
SHORT: dict[str, object] = AUTOENCODER | {  # a tenth of the images, once; feedback learns ten times as fast
    "images": 5000,
    "precision": "float32",
    "rate_feedback": 8.0,
    "lr_factors": (0.04, 0.04, 0.04, 0.004),
    "epochs": 1,
}
AUTOENCODER_DIGITS: dict[str, object] = AUTOENCODER | {
    "dataset": "digits",
    "hidden": (40, 2, 40),
    "sigma": 0.1,
    "decay": 1e-3,
    "rate_feedback": 0.2,
    "weight_std": 0.15,
    "learning_rate": 0.1,
    "lr_factors": (1.0,),
    "epochs": 60,
    "recorded_every": 4,
}
LENET: dict[str, object] = RATES | {
    "task": "classify",
    "dataset": "cifar-10",
    "maps": (20, 50),
    "hidden": (500,),
    "activation": "logistic",
    "precision": "float32",
    "sigma": 0.05,
    "decay": 5e-5,
    "rate_feedback": 8.0,
    "feedback_factors": (0.0, 1.0, 1.0),
    "learning_rate": 0.8,
    "lr_factors": (5.0, 1.0, 2.0, 0.2),
    "batch": 128,
    "epochs": 50,
    "recorded_every": 1,
}
LENET_FA = LENET | {"algorithm": "fa", "lr_factors": (10.0, 25.0, 2.0, 0.2)}
LENET_DFA = LENET | {"algorithm": "dfa", "lr_factors": (1.0, 1.0, 5.0, 0.2)}
COLOURS: dict[str, object] = DIGITS | {
    "dataset": "colours",
    "maps": (6, 12),
    "hidden": (40,),
    "presentation": 2.0,
    "learning_rate": 0.3,
    "epochs": 12,
    "recorded_every": 2,
}
MIXED_SIGNAL: dict[str, object] = DIGITS | {"chip_mismatch": 0.1, "chip_bits": 6, "chip_epochs": 10}
SLOW: dict[str, object] = {"noise_update": "exact", "recorded_every": 5}
SLOW_1 = SLOW | {"tau_noise": 1.0, "tau_high_pass": 1.0, "presentation": 10.0}
SLOW_1 |= {"rate_feedback": 5.0, "rate_from_interneurons": 0.5, "dt": 0.1}
SLOW_10 = SLOW | {"tau_noise": 10.0, "tau_high_pass": 10.0, "presentation": 100.0}
SLOW_10 |= {"rate_feedback": 0.5, "rate_from_interneurons": 0.05, "dt": 1.0}
QUICK: dict[str, object] = {"rate_feedback": 100.0, "rate_from_interneurons": 10.0, "epochs": 50}
MISMATCH: dict[str, object] = {"noise_spread": 0.2, "epochs": 60}

PRESETS: dict[str, dict[str, object]] = {
    "feedback": FEEDBACK,
    "feedback-exact": {"noise_update": "exact"},
    "feedback-not-prospective": {"prospective": False, "epochs": 60},
    "feedback-nonlinear": NONLINEAR,
    "teacher-student": TEACHER,
    "teacher-student-bp": TEACHER | {"algorithm": "bp", "tau_low_pass": 0.0},
    "teacher-student-fa": TEACHER | {"algorithm": "fa", "tau_low_pass": 0.0},
    "yin-yang": YIN_YANG,
    "yin-yang-bp": YIN_YANG | {"algorithm": "bp"},
    "yin-yang-fa": YIN_YANG | {"algorithm": "fa"},
    "yin-yang-noise": YIN_YANG | {"algorithm": "noise"},
    "yin-yang-relaxed": RELAXED,
    "yin-yang-relaxed-decay": RELAXED | {"algorithm": "decay"},
    "yin-yang-relaxed-bp": RELAXED | {"algorithm": "bp"},
    "yin-yang-relaxed-fa": RELAXED | {"algorithm": "fa"},
    "digits": DIGITS,
    "digits-bp": DIGITS | {"algorithm": "bp"},
    "digits-fa": DIGITS | {"algorithm": "fa"},
    "digits-dfa": DIGITS | {"algorithm": "dfa"},
    "mnist": MNIST,
    "mnist-bp": MNIST | {"algorithm": "bp"},
    "mnist-fa": MNIST | {"algorithm": "fa"},
    "autoencoder": AUTOENCODER,
    "autoencoder-bp": AUTOENCODER | {"algorithm": "bp", "lr_factors": (1e-2,)},
    "autoencoder-fa": AUTOENCODER | {"algorithm": "fa", "lr_factors": (1e-3,)},
    "autoencoder-short": SHORT,
    "autoencoder-short-bp": SHORT | {"algorithm": "bp", "lr_factors": (0.01,)},
    "autoencoder-short-fa": SHORT | {"algorithm": "fa", "lr_factors": (0.004,)},
    "autoencoder-digits": AUTOENCODER_DIGITS,
    "autoencoder-digits-bp": AUTOENCODER_DIGITS | {"algorithm": "bp"},
    "autoencoder-digits-fa": AUTOENCODER_DIGITS | {"algorithm": "fa"},
    "cifar-lenet": LENET,
    "cifar-lenet-bp": LENET | {"algorithm": "bp"},
    "cifar-lenet-fa": LENET_FA,
    "cifar-lenet-dfa": LENET_DFA,
    "colour-lenet": COLOURS,
    "colour-lenet-bp": COLOURS | {"algorithm": "bp"},
    "colour-lenet-fa": COLOURS | {"algorithm": "fa"},
    "colour-lenet-dfa": COLOURS | {"algorithm": "dfa"},
    "mixed-signal": MIXED_SIGNAL,
    "mixed-signal-bp": MIXED_SIGNAL | {"algorithm": "bp"},
    "mixed-signal-fa": MIXED_SIGNAL | {"algorithm": "fa"},
    "mixed-signal-coarse": MIXED_SIGNAL | {"chip_bits": 3, "chip_mismatch": 0.2},
    "slow-noise": SLOW_1,
    "slow-noise-not-prospective": SLOW_1 | {"prospective": False},
    "slower-noise": SLOW_10,
    "slower-noise-not-prospective": SLOW_10 | {"prospective": False},
    "mismatch": MISMATCH,
    "mismatch-time-constants": {"tau_spread": 0.1, "epochs": 60},
    "quick": QUICK,
    "quick-not-prospective": QUICK | {"prospective": False},
}
