"""A chip's mismatch and its calibration: many devices, each with parameters of its own."""

from typing import Any

import numpy as np

from eventsim.scenarios.nonlinear_dendrites.cells import nmda_neuron
from eventsim.scenarios.nonlinear_dendrites.coincidences import LAGS, coincidence
from eventsim.scenarios.nonlinear_dendrites.settings import Settings
from eventsim.scenarios.nonlinear_dendrites.volleys import above, count, volley
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

VOLLEYS = np.arange(1, 13)  # numbers of inputs


def monte_carlo(config: Settings, run: Run) -> None:
    """Draw devices with mismatch; calibrate the threshold of each by a measured peak; compare."""
    n = max(config.neurons // 10, 1)
    rng = run.rng("devices")

    def spread(value: float) -> Floats:
        drawn: Floats = value * (1 + config.spread * np.clip(rng.normal(size=n), -3, 3))
        return drawn

    soma = {"c_mem": spread(200.0), "g_leak": spread(10.0), "v_th": -70.0 + spread(20.0)}
    dendrite = {"c_mem": spread(100.0), "g_leak": spread(5.0), "v_th": -70.0 + spread(15.0)}
    g, g_reset, g_clamp = spread(2.0), spread(200.0), spread(40.0)

    def devices(times: int, v_th: Floats, coupling: float = 1.0, plateau: bool = True) -> dict[str, Any]:
        repeated = {key: np.repeat(value, times) for key, value in dendrite.items()}
        return {
            "g": np.repeat(g * coupling, times),
            "plateau": plateau,
            "soma": {key: np.repeat(value, times) for key, value in soma.items()},
            "dendrite": repeated | {"v_th": np.repeat(v_th, times)},
            "reset": (-75.0, np.repeat(g_reset, times)),
            "clamp": (-35.0, np.repeat(g_clamp, times)),
        }

    # Calibration as on a chip: the peaks of 4 and 5 inputs, events off, and a threshold half-way, in 10 bit.
    cell = nmda_neuron(**devices(2, dendrite["v_th"], plateau=False))
    peaks = volley(cell, np.tile([4, 5], n), config.dt, 60.0).trace("cell", "dendrite.v").values.max(axis=0)
    step = 120.0 / 1023
    trimmed = np.rint(peaks.reshape(n, 2).mean(axis=1) / step) * step
    for name, v_th in (("uncalibrated", dendrite["v_th"]), ("calibrated", trimmed)):
        sim = volley(nmda_neuron(**devices(len(VOLLEYS), v_th)), np.tile(VOLLEYS, n), config.dt, 80.0)
        fires = count(sim, "cell.dendrite").reshape(n, -1) > 0
        least = np.where(fires.any(axis=1), VOLLEYS[np.argmax(fires, axis=1)], VOLLEYS[-1] + 1)
        duration = above(sim, config.dt).reshape(n, -1)[:, 7]
        lags = LAGS[::3]
        window = (coincidence(7, lags, config.dt, n, **devices(len(lags), v_th, 2.0))[0] > 0).sum(
            axis=1
        ) * 3.0
        for what, values in (("threshold_inputs", least), ("duration", duration), ("window", window)):
            run.parameter(f"distribution/{what}/{name}", values)
            run.metric(f"{what}_mean_{name}", values.mean())
            run.metric(f"{what}_std_{name}", values.std())
    ratio = run.metrics["threshold_inputs_std_uncalibrated"] / max(
        run.metrics["threshold_inputs_std_calibrated"], 0.01
    )
    run.metric("spread_reduced_by", ratio)
