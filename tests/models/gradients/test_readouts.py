"""Readouts that do not spike: their largest membranes, and the derivatives of these."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import SpikeGradient
from reference.random_networks import errors_of, join, lif, loss_of, neurons, random_case


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


def one_readout(weights, tau_mem=2.0, **constants):
    net = es.Network()
    net.add("input", es.models.SpikeSource(), len(weights))
    net.add("readout", es.models.LIF(tau_mem=tau_mem, v_th=np.inf, **constants), 1)
    net.connect("input", "readout", weight=np.array(weights, float).reshape(-1, 1))
    return SpikeGradient(net)


def test_where_an_arrival_ends_the_rise_the_maximum_moves_with_it_up_the_slope():
    grad = one_readout([1.0, -5.0])
    run = grad.forward({"input": np.array([[0.0, 0.4]])}, until=9.0)
    values, times = run.maxima("readout")
    em, es_ = np.exp(-0.4 / 2), np.exp(-0.4)
    assert times[0, 0] == 0.4
    assert values[0, 0] == pytest.approx(2 * (em - es_), rel=1e-14)
    gradient = grad.backward(run, {"readout": np.ones((1, 1))})
    slope = 2 * (es_ - em / 2)
    assert gradient.times["input"][0] == pytest.approx([-slope, slope], rel=1e-12)
    assert gradient.weight["input->readout"][:, 0] == pytest.approx([2 * (em - es_), 0.0], rel=1e-12)


def test_without_an_end_the_maximum_may_be_approached_for_ever():
    grad = one_readout([0.1, -1.0], i_ext=0.6)
    run = grad.forward({"input": np.array([[0.5, 1.0]])})
    values, times = run.maxima("readout")
    assert values[0, 0] == pytest.approx(1.2)
    assert times[0, 0] == np.inf
    gradient = grad.backward(run, {"readout": np.full((1, 1), 2.0)})
    assert not gradient.weight["input->readout"].any()
    assert gradient.tau_mem["readout"] == pytest.approx([1.2])  # of v_leak + i_ext tau_mem / c_mem


def test_a_membrane_that_only_falls_is_highest_at_the_start_and_has_no_derivative():
    grad = one_readout([-1.0])
    run = grad.forward({"input": np.array([[0.0]])}, until=4.0)
    assert [float(x[0, 0]) for x in run.maxima("readout")] == [0.0, 0.0]
    gradient = grad.backward(run, {"readout": np.ones((1, 1))})
    assert not gradient.weight["input->readout"].any()
    assert not gradient.times["input"].any()


def recurrent(each, seed=0):
    """Dense populations with shared delays; if `each`, constants are given unit by unit, all the same."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=1)

    def constant(value, n):
        return np.full(n, value) if each else value

    net.add("input", es.models.SpikeSource(), 9)
    model = es.models.LIF(tau_mem=constant(1.6, 7), tau_syn=0.9, t_ref=0.2 * (seed % 2), v_reset=-0.1)
    net.add("hidden", model, 7)
    net.add("readout", es.models.LIF(tau_mem=constant(3.0, 4), tau_syn=0.9, v_th=np.inf), 4)
    net.connect("input", "hidden", weight=rng.normal(0.3, 0.6, (9, 7)), delay=rng.uniform(0, 1, (9, 1)))
    net.connect("hidden", "hidden", weight=rng.normal(0, 0.4, (7, 7)), delay=rng.uniform(0.3, 1, (7, 1)))
    net.connect("hidden", "readout", weight=rng.normal(0, 1, (7, 4)), delay=0.1)
    samples = [(rng.uniform(0, 20, 150), rng.integers(0, 9, 150)) for _ in range(5)]
    return net, samples, rng.normal(size=(5, 4))


@pytest.mark.parametrize("seed", range(4))
def test_vectorised_units_do_what_they_do_one_by_one(seed):
    found = []
    for each in (False, True):
        net, samples, heights = recurrent(each, seed)
        grad = SpikeGradient(net)
        run = grad.forward({"input": samples}, until=25.0)
        errors = errors_of(net, run)["hidden"]
        gradient = grad.backward(run, {"readout": heights, "hidden": errors})
        assert run.counts("hidden").max() > 5
        found.append((run, gradient))
    (run, gradient), (other, expected) = found
    np.testing.assert_array_equal(run.counts("hidden"), other.counts("hidden"))
    for sample in range(5):
        a, b = run.spikes("hidden", sample), other.spikes("hidden", sample)
        np.testing.assert_array_equal(a.units, b.units)
        np.testing.assert_allclose(a.times, b.times, rtol=0, atol=1e-11)
        np.testing.assert_allclose(
            gradient.times["input"][sample], expected.times["input"][sample], rtol=1e-6, atol=1e-8
        )
    for one, two in zip(run.maxima("readout"), other.maxima("readout"), strict=True):
        np.testing.assert_allclose(one, two, rtol=0, atol=1e-10)
    for key, value in gradient.parameters.items():
        if value.shape == expected.parameters[key].shape:
            np.testing.assert_allclose(value, expected.parameters[key], rtol=1e-6, atol=1e-8, err_msg=key)
        else:
            assert value.sum() == pytest.approx(expected.parameters[key].sum(), rel=1e-6, abs=1e-8)


def test_vectorised_passes_do_not_depend_on_threads_to_the_bit():
    found = []
    for threads in (1, 2):
        net, samples, heights = recurrent(False)
        grad = SpikeGradient(net, threads=threads)
        run = grad.forward({"input": samples * 8}, until=25.0)
        gradient = grad.backward(run, {"readout": np.tile(heights, (8, 1))})
        found.append([x.tobytes() for x in (*run.maxima("readout"), *gradient.parameters.values())])
    assert found[0] == found[1]


def test_bad_questions_are_refused():
    net, samples, _ = recurrent(False)
    grad = SpikeGradient(net)
    run = grad.forward({"input": samples}, until=5.0)
    with pytest.raises(ValueError, match="'hidden' has a threshold"):
        run.maxima("hidden")
    with pytest.raises(ValueError, match=r"expected \(5, 4\)"):
        grad.backward(run, {"readout": np.ones((5, 3))})
