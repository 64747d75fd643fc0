"""The settings of the authors' code by kind of delay, with a chip's noise, and shorter ones."""

W: dict[str, object] = {
    "delays": "none",
    "init_mean": (0.5, 0.5),
    "learning_rate": 0.02,
}
WA: dict[str, object] = {"delays": "axonal", "learning_rate": 0.005, "delay_learning_rate": 0.005}
WS_5: dict[str, object] = {"n_hidden": 5, "learning_rate": 0.015, "delay_learning_rate": 0.01}
HARDWARE: dict[str, object] = {
    "copies": 5,
    "tau_mem": 1.0,
    "v_th": 2.6,
    "init_mean": (1.0, 0.075),
    "init_std": (0.12, 0.15),
    "delay_init_std": 0.5,
    "delay_scale": 1.5,
    "delay_shift": 2.0,
    "learning_rate": 0.002,
    "delay_learning_rate": 0.002,
    "batch": 40,
    "batch_evaluated": 40,
    "max_missing": (0.05, 0.05),
    "margin": 0.3,
    "weight_step": 1 / 30,
    "weight_limit": 2.1,
    "threshold_offset": 0.13,
    "threshold_spread": 0.08,
    "threshold_noise": 0.04,
    "slot": 14.0,
}
# Ours. Training reaches the published limit of silent hidden neurons by itself, so that bumps take its place.
COSINE: dict[str, object] = {
    "learning_rate": 0.02,
    "delay_learning_rate": 0.02,
    "lr_schedule": "cosine",
    "max_missing": (1.0, 0.0),
}
# Twenty hidden neurons: margin and epochs by validation accuracy on seeds 700 to 705.
COSINE_20 = COSINE | {"n_hidden": 20, "margin": 0.1, "epochs": 400}
NOISE_KEYS = ("threshold_offset", "threshold_spread", "threshold_noise", "delay_noise")
# Larger steps on larger batches than the published ones: a third of their epochs. Weights begin as they do in
# the model of the chip; published (0.1, 0.075) leave all hidden neurons of our chip silent.
CHIP: dict[str, object] = {key: value for key, value in HARDWARE.items() if key not in NOISE_KEYS} | {
    "learning_rate": 0.012,
    "delay_learning_rate": 0.02,
    "batch": 100,
    "batch_evaluated": 100,
    "epochs": 100,
    "decay_every": 10,
    "decay": 0.8,
    "max_missing": (0.05, 0.01),
}
PRESETS: dict[str, dict[str, object]] = {
    "WS": {},
    "W": W,
    "WA": WA,
    "WS-5": WS_5,
    "WS-cosine": COSINE,
    "WS-cosine-20": COSINE_20,
    "WA-cosine": WA | COSINE | {"epochs": 150, "margin": 0.1},
    "W-5": W | {"n_hidden": 5},
    "WA-5": WA | {"n_hidden": 5},
    "hw-aware-W": HARDWARE | {"delays": "none"},
    "hw-aware-WA": HARDWARE | {"delays": "axonal", "delay_noise": 0.01},
    "brainscales2-W": CHIP | {"delays": "none"},
    "brainscales2-WA": CHIP | {"delays": "axonal"},
    "sweep": {"compared": ("W", "WA", "WS"), "sizes": (5, 10, 15, 20, 25, 30), "networks": 5},
    "quick": {"n_hidden": 10, "epochs": 30, "decay_every": 4, "decay": 0.8},
}
