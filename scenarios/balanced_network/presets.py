"""Networks of 1000 and 10 000 neurons, driven by Poisson input or by a constant current."""

N_10000: dict[str, object] = {
    "n_excitatory": 8000,
    "n_inhibitory": 2000,
    "k_excitatory": 800,
    "k_inhibitory": 200,
    "weight_excitatory": 10.0,
}
DC: dict[str, object] = {"rate_external": 0.0}
PRESETS: dict[str, dict[str, object]] = {
    "poisson-1000": {},
    "poisson-10000": N_10000 | {"weight_inhibitory": -50.0, "weight_external": 50.0},
    "dc-1000": DC | {"weight_inhibitory": -450.0, "i_ext": 650.0},
    "dc-10000": DC | N_10000 | {"weight_inhibitory": -80.0, "i_ext": 800.0},
    "quick": {"duration": 200.0},
}
