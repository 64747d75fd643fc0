"""The published song, its controls, and what else is asked of the network, by name."""

QUICK: dict[str, object] = {
    "pattern": "short",
    "latent": 30,
    "learning_rate_visible": 1e-3,
    "learning_rate_latent": 1e-2,
    "cycles": 2000,
    "replay_cycles": 60,
}

PRESETS: dict[str, dict[str, object]] = {
    "fur-elise": {},
    "reservoir": {"reservoir": True, "disruptions": ()},
    "no-scaffold": {"scaffold": False, "disruptions": ()},
    "uniform-delays": {"uniform_delays": True},
    "soma-only": {"soma_only": True, "disruptions": ()},
    "disruption": {"disruptions": ("part-high", "part-silent", "whole-high", "whole-silent")},
    "size-sweep": {"compared": (10.0, 20.0, 30.0, 50.0, 100.0), "disruptions": ()},
    "two-speeds": {"varied": "pattern_step", "compared": (5.0, 10.0, 20.0), "disruptions": ()},
    "two-patterns": {"voices": 2, "disruptions": ()},
    "completion": {"cues": (50.0, 100.0, 150.0, 200.0, 250.0), "disruptions": ()},
    "noisy-targets": {"noise": 2.0},
    "sparse": {"varied": "density", "compared": (0.25, 0.5, 0.75, 1.0), "disruptions": ()},
    "sparse-protected": {
        "varied": "density",
        "compared": (0.25, 0.5, 0.75, 1.0),
        "protected": True,
        "disruptions": (),
    },
    "scaffold-parameters": {"varied": "p", "compared": (0.0, 0.1, 0.2, 0.3, 0.4), "disruptions": ()},
    "mixed-signal": {"chip_mismatch": 0.1, "chip_bits": 6, "chip_cycles": 1000, "disruptions": ()},
    "quick": QUICK,
}
