"""How far feedback weights are from what they should be: angles, and size beside theory.

The angle of two matrices is arccos(trace(A^T B) / (|A| |B|)). Theory says what feedback weights settle at,
kappa phi'_l W^T phi'_above, averaged over the samples, with the noise's own strength in each row of a cell.
"""

from typing import Any

import numpy as np

from eventsim.models.plasticity.noise import OrnsteinUhlenbeck, feedback_scale, passed_by_membrane
from eventsim.models.prospective.deep_microcircuit import shares
from eventsim.models.prospective.microcircuit import G_APICAL, G_BASAL, G_LEAK
from eventsim.scenarios.phaseless_alignment.network import NAME, TARGET_CONDUCTANCE, Circuit, drawn_weights
from eventsim.trace import Floats

MEMBRANE_CONDUCTANCE = G_LEAK + G_BASAL + G_APICAL  # 1/ms, of cells of all layers
AGE = 4  # ticks, of the noise in a high-passed rate when it meets itself


def degrees(a: Floats, b: Floats) -> float:
    """Return the angle of two matrices in degrees."""
    size = float(np.linalg.norm(a) * np.linalg.norm(b))
    if size == 0.0:
        return 90.0
    return float(np.degrees(np.arccos(np.clip(float((a * b).sum()) / size, -1.0, 1.0))))


def logistic(x: Floats) -> Floats:
    """Return 1 / (1 + e^-x)."""
    found: Floats = 1 / (1 + np.exp(-x))
    return found


def static_rates(weights: dict[str, Floats], inputs: Floats, last: int) -> tuple[list[Floats], list[Floats]]:
    """Return rates and potentials of all layers for inputs (n, n_inputs), without noise and target."""
    rates, potentials = [inputs], [inputs]
    for k in range(1, last + 1):
        potentials.append(shares(False)["output" if k == last else "hidden"] * rates[-1] @ weights[f"up/{k}"])
        rates.append(logistic(potentials[-1]))
    return rates, potentials


def slope_products(rates: list[Floats], layer: int) -> Floats:
    """Return phi' of a layer times phi' of the one above, averaged over samples, shape (n_above, n)."""
    slopes, above = (rates[k] * (1 - rates[k]) for k in (layer, layer + 1))
    found: Floats = above.T @ slopes / len(slopes)
    return found


def fixed_point(circuit: Circuit, weights: dict[str, Floats], rates: list[Floats], layer: int) -> Floats:
    """Return what the feedback weights to a layer settle at, shape (n_above, n)."""
    config, first = circuit.config, sum(circuit.sizes[1:layer])
    noise = OrnsteinUhlenbeck(1.0, config.tau_noise, config.noise_update)
    decay = config.decay or 1.0
    scale = feedback_scale(noise, config.tau_high_pass, decay, AGE, config.dt)
    taught = shares(config.task != "feedback")
    scale *= taught["noise"] * taught["output" if layer + 1 == circuit.last else "hidden"]
    sigma = circuit.sigma[first : first + circuit.sizes[layer]]
    found: Floats = scale * slope_products(rates, layer) * weights[f"up/{layer + 1}"].T * sigma**2
    return found


def unequal_fixed_point(circuit: Circuit, theory: Floats, layer: int) -> Floats:
    """Return a fixed point for cells whose membranes do not undo their lag exactly, shape (n_above, n)."""
    config = circuit.config
    noise = OrnsteinUhlenbeck(1.0, config.tau_noise, config.noise_update)
    tau, ahead = circuit.time_constants()
    factors = passed_by_membrane(noise, tau / MEMBRANE_CONDUCTANCE, ahead, config.dt)
    here, above = (factors[circuit.cells[k]] for k in (layer, layer + 1))
    found: Floats = theory * np.outer(above, here)
    return found


def measured(circuit: Circuit, weights: dict[str, Floats], inputs: Floats) -> dict[str, Any]:
    """Return, for each hidden layer, lowest first, angles of its feedback weights in degrees, and their size.

    Returns
    -------
    dict
        "alignment_degrees" to the transposed forward weights; "theory_degrees" to the fixed point of theory;
        "weighted_degrees" to the transposed weights times the variance of each cell's noise; "kappa", size
        along the fixed point, 1 if theory is right; "feedback_norm" and "forward_norm". If time constants
        differ from cell to cell, "mismatch_degrees" and "mismatch_kappa" for the fixed point that they have.
    """
    rates, _ = static_rates(weights, inputs, circuit.last)
    found: dict[str, list[float]] = {}
    for layer in range(1, circuit.last):
        down, up = weights[f"down/{layer}"], weights[f"up/{layer + 1}"].T
        theory = fixed_point(circuit, weights, rates, layer)
        first = sum(circuit.sizes[1:layer])
        variance = circuit.sigma[first : first + circuit.sizes[layer]] ** 2
        size = float((theory**2).sum())
        values = {
            "alignment_degrees": degrees(down, up),
            "theory_degrees": degrees(down, theory),
            "weighted_degrees": degrees(down, up * variance),
            "kappa": float((down * theory).sum()) / size if size else 0.0,
            "feedback_norm": float(np.linalg.norm(down)),
            "forward_norm": float(np.linalg.norm(up)),
        }
        if circuit.config.tau_spread:
            unequal = unequal_fixed_point(circuit, theory, layer)
            size = float((unequal**2).sum())
            values["mismatch_degrees"] = degrees(down, unequal)
            values["mismatch_kappa"] = float((down * unequal).sum()) / size if size else 0.0
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in found.items()}


def update_degrees(circuit: Circuit, weights: dict[str, Floats], inputs: Floats) -> Floats:
    """Return the angle of the change that the circuit would make to backprop's, by layer of weights.

    Noise is off, interneurons predict themselves, the targets are those of a random teacher. The change is
    that at the last tick of each presentation, summed over samples; backprop's is that of the static network
    for half the squared difference of target and output potential.
    """
    from eventsim.models.prospective.deep_microcircuit import initial_weights

    last, teacher = circuit.last, drawn_weights(circuit.config, circuit.sizes, circuit.seed + 1_000_003)
    targets = static_rates(teacher, inputs, last)[1][-1]
    forward = [weights[f"up/{k}"] for k in range(1, last + 1)]
    settled = initial_weights(forward, [weights[f"down/{k}"] for k in range(1, last)])
    sim = circuit.simulation(settled, rule=False, ideal=True)
    dt = circuit.config.dt
    period = circuit.ticks * dt
    sim.set_input(NAME, circuit.shown(inputs), every=period)
    sim.nudge(NAME, circuit.shown(targets, last), TARGET_CONDUCTANCE, kind="voltage", every=period)
    ours = [np.zeros_like(w) for w in forward]
    share = shares(False)
    for x in inputs:
        sim.run_ticks(circuit.ticks)
        unit_rates = sim.array(NAME)[0]
        rates = [x, *(unit_rates[here] for here in circuit.cells[1:])]
        for k, w in enumerate(forward):
            predicted = logistic(share["output" if k + 1 == last else "hidden"] * rates[k] @ w)
            ours[k] += np.outer(rates[k], rates[k + 1] - predicted)
    rates, potentials = static_rates(weights, inputs, last)
    delta = targets - potentials[-1]
    found = np.zeros(last)
    for k in range(last, 0, -1):
        found[k - 1] = degrees(ours[k - 1], rates[k - 1].T @ delta)
        if k > 1:
            delta = rates[k - 1] * (1 - rates[k - 1]) * (delta @ weights[f"up/{k}"].T)
    return found
