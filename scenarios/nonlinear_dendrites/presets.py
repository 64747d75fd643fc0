"""The tests of single neurons, of devices, of structural plasticity and of a network, by name."""

PRESETS: dict[str, dict[str, object]] = {
    "all-or-none": {},
    "plateau": {"task": "plateau"},
    "hold-off": {"task": "hold-off"},
    "synchrony": {"task": "synchrony"},
    "coincidence-window": {"task": "coincidence-window"},
    "bac-firing": {"task": "bac-firing"},
    "monte-carlo": {"task": "monte-carlo", "dt": 0.05},
    "structural-plasticity": {"task": "structural-plasticity"},
    "structural-plasticity-fixed": {"task": "structural-plasticity", "pruning": False},
    "network-1000": {"task": "network"},
    "network-1000-ticks": {"task": "network", "solver": "ticks", "dt": 0.1},
    "quick": {"task": "network", "neurons": 50, "duration": 300.0},
}
