"""Time-binned EventProp against the simulation, arrival by arrival, and finite differences."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import SpikeGradient

UNTIL = 130.3  # not a whole number of bins

# ratio of the time constants, t_ref, v_th of the label layer, i_ext, v_init, first spikes only
CASES = [
    (2.0, 2.0, np.inf, 0.0, None, False),
    (3.0, 1.0, np.inf, 0.0, 0.4, False),
    (0.5, 0.0, 1.0, 0.0, 1.2, False),
    (1.3, 2.0, 1.0, 0.3, None, False),
    (2.0, 30.0, 1.0, 0.0, None, False),
    (4.0, 0.0, 1.0, 0.0, None, True),
]


def recurrent(seed, ratio, t_ref, v_th, i_ext, v_init, once, n_input=12, n=9, n_label=3):
    """A network whose synapses all have delays of their own, so that EventProp is time-binned."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    net.add("input", es.models.SpikeSource(), n_input)
    constants = {"t_ref": t_ref, "i_ext": i_ext, "v_init": v_init, "first_spike_only": once}
    net.add("hidden", es.models.LIF(tau_mem=5 * ratio, tau_syn=5.0, **constants), n)
    net.add("label", es.models.LIF(tau_mem=15.0, tau_syn=5.0, v_th=v_th, v_reset=-0.2), n_label)
    for pre, post, mean, std, least, most in (
        ("input", "hidden", 0.06, 0.3, 0.0, 12.0),
        ("hidden", "hidden", -0.1, 0.1, 3.0, 15.0),
        ("hidden", "label", 0.1, 0.2, 0.0, 8.0),
    ):
        shape = net.populations[pre].n, net.populations[post].n
        net.connect(pre, post, weight=rng.normal(mean, std, shape), delay=rng.uniform(least, most, shape))
    inputs = [(rng.uniform(0, 100, 90), rng.integers(0, n_input, 90)) for _ in range(3)]
    return net, inputs


def some_errors(run, names):
    """Return errors of all spikes, or of the largest membranes."""
    found = {}
    for name in names:
        rng = np.random.default_rng(len(name))
        if np.isinf(run._network.parameters[f"v_th/{name}"]).all():
            found[name] = rng.normal(size=run.maxima(name)[0].shape)
        else:
            found[name] = [rng.normal(size=len(run.spikes(name, s))) for s in range(len(run))]
    return found


@pytest.mark.parametrize("case", CASES)
def test_spikes_in_bins_are_those_of_the_simulation(case):
    net, inputs = recurrent(1, *case)
    run = SpikeGradient(net, time_constants=False).forward({"input": inputs}, UNTIL)
    assert run.counts("hidden").sum() > 20
    for sample, (times, units) in enumerate(inputs):
        sim = es.Simulation(net, schedule="ordered")
        sim.stimulate("input", times, units)
        sim.run(UNTIL)
        for name in ("hidden", "label"):
            expected, found = sim.spikes(name), run.spikes(name, sample)
            assert (found.units == expected.units).all()
            assert found.times == pytest.approx(expected.times, rel=0, abs=1e-11)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", CASES)
def test_derivatives_in_bins_are_those_arrival_by_arrival(case, seed):
    net, inputs = recurrent(seed, *case)
    found = []
    for constants in (False, True):  # derivatives in time constants are known arrival by arrival only
        grad = SpikeGradient(net, time_constants=constants)
        run = grad.forward({"input": inputs}, UNTIL)
        found.append((run, grad.backward(run, some_errors(run, ("hidden", "label")))))
    (run, gradient), (slow, expected) = found
    assert run._tapes[0].bin_width > 0
    if np.isinf(case[2]):
        for a, b in zip(run.maxima("label"), slow.maxima("label"), strict=True):
            assert a == pytest.approx(b, rel=1e-9, abs=1e-9)
    for key, value in expected.parameters.items():
        if not key.startswith("tau"):
            scale = max(np.abs(value).max(), 1.0)
            assert gradient.parameters[key] == pytest.approx(value, rel=0, abs=1e-9 * scale)
    for a, b in zip(gradient.times["input"], expected.times["input"], strict=True):
        assert a == pytest.approx(b, rel=0, abs=1e-9 * max(np.abs(b).max(), 1.0))


@pytest.mark.parametrize("case", [CASES[0], CASES[3]])
def test_derivatives_in_bins_are_central_differences(case):
    net, inputs = recurrent(3, *case)
    grad = SpikeGradient(net, time_constants=False)

    def loss():
        run = grad.forward({"input": inputs}, UNTIL)
        value = 0.0
        for name, errors in some_errors(run, ("hidden", "label")).items():
            if isinstance(errors, list):
                value += sum(e @ run.spikes(name, s).times for s, e in enumerate(errors))
            else:
                value += (errors * run.maxima(name)[0]).sum()
        return value, run

    gradient = grad.backward(run := loss()[1], some_errors(run, ("hidden", "label")))
    counts = run.counts("hidden")
    rng = np.random.default_rng(0)
    for key, value in grad.parameters.items():
        if key.startswith(("tau", "v_th/label")):
            continue
        step = rng.normal(size=value.shape)
        values = []
        for h in (1e-8, -1e-8):
            value += h * step
            moved = loss()
            value -= h * step
            assert (moved[1].counts("hidden") == counts).all()
            values.append(moved[0])
        parts = gradient.parameters[key] * step
        assert (values[0] - values[1]) / 2e-8 == pytest.approx(parts.sum(), abs=1e-4 * np.abs(parts).sum())


def test_results_in_bins_do_not_depend_on_threads_to_the_bit():
    net, inputs = recurrent(2, *CASES[0])
    found = []
    for threads in (1, 3):
        grad = SpikeGradient(net, time_constants=False, threads=threads)
        run = grad.forward({"input": inputs * 12}, UNTIL)
        gradient = grad.backward(run, some_errors(run, ("hidden", "label")))
        found.append([*gradient.parameters.values(), *gradient.times["input"], *run.maxima("label")])
    for a, b in zip(*found, strict=True):
        assert (a == b).all()


def test_a_run_in_bins_can_be_repeated_with_the_same_work_space():
    net, inputs = recurrent(5, *CASES[0])
    grad = SpikeGradient(net, time_constants=False)
    first = grad.forward({"input": inputs}, UNTIL)
    grad.forward({"input": inputs[1:]}, 2 * UNTIL)
    again = grad.forward({"input": inputs}, UNTIL)
    assert (again.maxima("label")[0] == first.maxima("label")[0]).all()
    a, b = (grad.backward(run, some_errors(run, ("hidden", "label"))) for run in (first, again))
    for key, value in a.parameters.items():
        assert (value == b.parameters[key]).all()


@pytest.mark.parametrize("kind", ["own", "axonal", "sparse"])
def test_the_guard_drops_large_weight_gradients_of_samples_in_loops(kind):
    net, inputs = recurrent(4, *CASES[0])
    if kind != "own":
        rng, projections = np.random.default_rng(0), list(net.projections)
        net.projections.clear()
        for p in projections:
            rule = es.connect.fixed_probability(0.8) if kind == "sparse" else es.connect.all_to_all()
            weight = float(rng.normal(0.1, 0.1)) if kind == "sparse" else p.weight
            delay = 5.0 if kind == "sparse" else p.delay[:, :1]
            net.connect(p.pre, p.post, rule, weight=weight, delay=delay)
    free = SpikeGradient(net, time_constants=False)
    given = some_errors(free.forward({"input": inputs}, UNTIL), ("hidden", "label"))
    expected, singles = {}, []
    for sample in range(len(inputs)):
        run = free.forward({"input": inputs[sample : sample + 1]}, UNTIL)
        errors = {
            "hidden": given["hidden"][sample : sample + 1],
            "label": given["label"][sample : sample + 1],
        }
        singles.append(free.backward(run, errors).weight)
    owners = {}
    for p in free._network.pathways:
        shape = singles[0][p.name].shape
        owners[p.name] = p.target if len(shape) == 1 else np.broadcast_to(np.arange(p.n_post), shape)
    sizes = {"hidden": 9, "label": 3}
    largest = []
    for one in singles:
        most = {post: np.zeros(n) for post, n in sizes.items()}
        for name, value in one.items():
            np.maximum.at(most[name.split("->")[1]], owners[name], np.abs(value))
        largest.append(most)
    limit = float(np.median(np.concatenate([most["hidden"] for most in largest])))
    for one, most in zip(singles, largest, strict=True):
        for name, value in one.items():
            kept = most[name.split("->")[1]][owners[name]] <= limit
            expected[name] = expected.get(name, 0.0) + np.where(kept, value, 0.0)
    guarded = SpikeGradient(net, time_constants=False, max_dw_norm=limit)
    found = guarded.backward(guarded.forward({"input": inputs}, UNTIL), given)
    whole = free.backward(free.forward({"input": inputs}, UNTIL), given)
    for name, value in expected.items():
        assert found.weight[name] == pytest.approx(value, rel=1e-9, abs=1e-12 + 1e-9 * np.abs(value).max())
        assert (found.delay[name] == whole.delay[name]).all()
    assert any((found.weight[name] != whole.weight[name]).any() for name in expected)
