"""Readouts that do not spike: their largest membranes, and the derivatives of these."""

import numpy as np
import pytest
from random_networks import errors_of, join, lif, loss_of, neurons, random_case

import eventsim as es
from eventsim.models.rules import SpikeGradient


def case_with_readout(seed):
    """A random network, and three units that listen to its last layer, its input, or both."""
    case = random_case(seed)
    rng = np.random.default_rng([seed, 1])
    last = neurons(case.net)[-1]
    model = lif(rng, 3, False)
    case.net.add("readout", es.models.LIF(**(settings(model) | {"v_th": np.inf})), 3)
    join(rng, case.net, last, "readout", 0.3, 0.0)
    if rng.random() < 0.5:
        join(rng, case.net, "input", "readout", 0.0, 0.0)
    return case, rng.normal(size=(2, 3))


def settings(model):
    return {key: getattr(model, key) for key in ("tau_mem", "tau_syn", "c_mem", "v_leak", "i_ext")}


def potential(case, run, sample, unit, time):
    """The membrane of a readout at any time, summed over its inputs."""
    model = case.net.populations["readout"].model
    tau_m, tau_s = (np.broadcast_to(x, 3)[unit] for x in (model.tau_mem, model.tau_syn))
    v = model.v_leak + model.i_ext * tau_m / model.c_mem * (1 - np.exp(-time / tau_m))
    for projection in case.net.projections:
        if projection.post != "readout":
            continue
        synapses = projection.resolve(case.net)
        n = synapses.n_pre, synapses.n_post
        source, target = synapses.sources(), synapses.targets()
        weight = np.broadcast_to(np.reshape(synapses.weight, -1), len(source))
        if synapses.delay_kind == "axonal":
            delay = np.reshape(synapses.delay, -1)[source]
        else:
            delay = np.broadcast_to(np.reshape(synapses.delay, -1), len(source))
        matrix, delays = np.zeros(n), np.zeros(n)
        matrix[source, target], delays[source, target] = weight, delay
        spikes = run.spikes(projection.pre, sample)
        since = np.clip(time - spikes.times[:, None] - delays[spikes.units, unit][:, None], 0, None)
        if abs(tau_m - tau_s) < 1e-3 * tau_m:
            rate = 1 / tau_s - 1 / tau_m
            response = np.exp(-since / tau_m) * since / model.c_mem * (1 - since * rate / 2)
        else:
            k = tau_m * tau_s / (tau_m - tau_s) / model.c_mem
            response = k * (np.exp(-since / tau_m) - np.exp(-since / tau_s))
        v = v + matrix[spikes.units, unit] @ response
    return v


@pytest.mark.parametrize("seed", range(30))
def test_the_noted_maximum_is_the_largest_of_a_dense_sampling(seed):
    case, _ = case_with_readout(seed)
    run = SpikeGradient(case.net).forward({"input": case.inputs}, until=case.until)
    values, times = run.maxima("readout")
    grid = np.linspace(0, case.until, 60_001)
    for sample in range(2):
        for unit in range(3):
            sampled = potential(case, run, sample, unit, grid).max()
            assert values[sample, unit] >= sampled - 1e-6
            at = potential(case, run, sample, unit, times[sample, unit : unit + 1])[0]
            assert values[sample, unit] == pytest.approx(at, rel=0, abs=1e-6)
            assert 0 <= times[sample, unit] <= case.until


@pytest.mark.parametrize("block", range(20))
def test_derivatives_of_maxima_are_central_differences(block):
    """10 networks a block; spike times have errors, too."""
    checked = 0
    for seed in range(10 * block, 10 * block + 10):
        case, heights = case_with_readout(seed)
        grad = SpikeGradient(case.net)
        run = grad.forward({"input": case.inputs}, until=case.until)
        spiking = [name for name in neurons(case.net) if name != "readout"]
        counts = {name: run.counts(name) for name in spiking}
        steepest = max(run.slope_inverses(name, s).max(initial=0) for name in spiking for s in range(2))
        if steepest > 100 or sum(c.sum() for c in counts.values()) > 400:
            continue
        errors = {name: e for name, e in errors_of(case.net, run).items() if name != "readout"}
        if seed % 2:
            errors = {}
        gradient = grad.backward(run, errors | {"readout": heights})
        rng = np.random.default_rng(seed)
        steps = {key: rng.normal(size=value.shape) for key, value in grad.parameters.items()}
        steps["v_th/readout"][:] = 0
        time_steps = [rng.normal(size=len(t)) for t, _ in case.inputs]
        tops, noted = run.maxima("readout")
        scale = np.abs(heights * tops).sum()

        def change(key, h, case=case, grad=grad, counts=counts, steps=steps, time_steps=time_steps,
                   heights=heights, seed=seed, noted=noted):  # fmt: skip
            values = []
            for step in (h, -h):
                inputs = case.inputs
                if key == "times":
                    inputs = [(t + step * d, u) for (t, u), d in zip(case.inputs, time_steps, strict=True)]
                else:
                    old = grad.parameters[key].copy()
                    grad.parameters[key][...] += step * steps[key]
                moved = grad.forward({"input": inputs}, until=case.until)
                if key != "times":
                    grad.parameters[key][...] = old
                top, when = moved.maxima("readout")
                if any((moved.counts(name) != count).any() for name, count in counts.items()):
                    return None  # a spike appears or disappears
                if np.abs(when - noted).max() > 1e-2:
                    return None  # another maximum is the largest
                values.append((0 if seed % 2 else loss_of(case.net, moved)) + (heights * top).sum())
            return (values[0] - values[1]) / (2 * h)

        for key in [*grad.parameters, "times"]:
            if key == "v_th/readout":
                continue
            if key == "times":
                parts = np.concatenate(
                    [a * d for a, d in zip(gradient.times["input"], time_steps, strict=True)]
                )
            else:
                parts = gradient.parameters[key] * steps[key]
            tolerance = 1e-6 * max(np.abs(parts).sum(), 0.1)
            for h in (1e-6, 1e-7, 2e-8):
                found = change(key, h)
                rounding = 2e-15 * scale / h
                if found is None or abs(found - parts.sum()) <= tolerance * max(1.0, 1e-7 / h) + rounding:
                    checked += found is not None
                    break
            else:
                pytest.fail(f"seed {seed}, {key}: difference {found}, derivative {parts.sum()}")
    assert checked >= 60
