"""EventProp: spikes, derivatives, identities, threads, discontinuities."""

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError, UnknownPart
from eventsim.models.gradients import SpikeGradient
from eventsim.models.training import SpikeLearner
from reference.random_networks import errors_of, loss_of, neurons, random_case

KINDS = {"uniform": (), "axonal": (6, 1), "dendritic": (1, 5), "synaptic": (6, 5)}


def layered_network(kind="uniform", once=True, tau_mem=1.37, seed=3, loop=False):
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    net.add("input", es.models.SpikeSource(), 6)
    net.add("hidden", es.models.LIF(tau_mem=tau_mem, first_spike_only=once), 5)
    net.add("label", es.models.LIF(tau_mem=tau_mem, first_spike_only=once), 3)
    delay = rng.uniform(0.1, 0.5, KINDS[kind])
    net.connect("input", "hidden", weight=rng.normal(1.5, 1, (6, 5)), delay=delay)
    net.connect("hidden", "label", weight=rng.normal(1.5, 1, (5, 3)), delay=0.2)
    if loop:
        net.connect("label", "hidden", weight=rng.normal(0, 1, (3, 5)), delay=rng.uniform(0.2, 0.6, (3, 5)))
    return net, rng.uniform(0.1, 2, (8, 6))


@pytest.mark.parametrize("seed", range(40))
def test_spikes_are_those_of_the_simulation(seed):
    case = random_case(seed)
    run = SpikeGradient(case.net).forward({"input": case.inputs}, until=case.until)
    for sample, (times, units) in enumerate(case.inputs):
        sim = es.Simulation(case.net, schedule="ordered")
        sim.stimulate("input", times, units)
        sim.run(case.until)
        for name in neurons(case.net):
            expected, found = sim.spikes(name), run.spikes(name, sample)
            assert (found.units == expected.units).all()
            assert found.times == pytest.approx(expected.times, rel=0, abs=1e-12)


@pytest.mark.parametrize("block", range(25))
def test_derivatives_in_all_parameters_are_central_differences(block):
    """10 networks a block; along a random direction of each parameter array, and of the input times."""
    checked = 0
    for seed in range(1000 + 10 * block, 1010 + 10 * block):
        case = random_case(seed)
        grad = SpikeGradient(case.net)
        run = grad.forward({"input": case.inputs}, until=case.until)
        counts = {name: run.counts(name) for name in neurons(case.net)}
        steepest = max(run.slope_inverses(name, s).max(initial=0) for name in counts for s in range(len(run)))
        if steepest > 100 or sum(c.sum() for c in counts.values()) > 2000:
            continue  # close to a grazing crossing, or running away
        gradient = grad.backward(run, errors_of(case.net, run))
        rng = np.random.default_rng(seed)
        steps = {key: rng.normal(size=value.shape) for key, value in grad.parameters.items()}
        time_steps = [rng.normal(size=len(t)) for t, _ in case.inputs]

        def change(key, h, case=case, grad=grad, counts=counts, steps=steps, time_steps=time_steps):
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
                if any((moved.counts(name) != count).any() for name, count in counts.items()):
                    return None  # a spike appears or disappears
                values.append(loss_of(case.net, moved))
            return (values[0] - values[1]) / (2 * h)

        for key in [*grad.parameters, "times"]:
            if key == "times":
                parts = np.concatenate(
                    [a * d for a, d in zip(gradient.times["input"], time_steps, strict=True)]
                )
            else:
                parts = gradient.parameters[key] * steps[key]
            tolerance = 1e-6 * max(np.abs(parts).sum(), 0.1)
            # At a change of order L has a kink; smaller steps leave it out.
            for h in (1e-6, 1e-7, 2e-8):
                found = change(key, h)
                if found is None or abs(found - parts.sum()) <= tolerance * max(1.0, 1e-7 / h):
                    checked += found is not None
                    break
            else:
                pytest.fail(f"seed {seed}, {key}: difference {found}, derivative {parts.sum()}")
    assert checked >= 70


@pytest.mark.parametrize("kind", ["uniform", "axonal"])
@pytest.mark.parametrize("tau_mem", [1.0, 2.0, 0.5, 1.37])
def test_first_spike_learning_is_a_special_case(kind, tau_mem):
    net, inputs = layered_network(kind, tau_mem=tau_mem)
    labels = np.arange(len(inputs)) % 3
    learner = SpikeLearner(net, "label", learn="weight")
    mean, expected = learner.gradients({"input": inputs}, labels)
    grad = SpikeGradient(net)
    run = grad.forward({"input": inputs})
    times = run.first_spikes("label")
    losses, errors = es.models.losses.TimeToFirstSpike()(times, labels, 1.0)
    gradient = grad.backward(run, {"label": errors / len(inputs)})
    assert losses.mean() == pytest.approx(mean, rel=1e-12)
    for name, value in expected.items():
        assert np.abs(value).max() > 1e-3
        assert gradient.parameters[name] == pytest.approx(value, abs=1e-10)


@pytest.mark.parametrize("loop", [False, True])
def test_moving_all_inputs_moves_all_spikes(loop):
    net, _ = layered_network("synaptic", once=False, seed=5, loop=loop)
    rng = np.random.default_rng(2)
    inputs = [(rng.uniform(0, 3, 20), rng.integers(0, 6, 20)) for _ in range(4)]
    grad = SpikeGradient(net)
    run = grad.forward({"input": inputs}, until=8.0)
    assert run.counts("hidden").max() > 2
    errors = errors_of(net, run)
    gradient = grad.backward(run, errors)
    total = sum(e.sum() for one in errors.values() for e in one)
    assert sum(t.sum() for t in gradient.times["input"]) == pytest.approx(total, abs=1e-10)


def test_delay_of_all_inputs_of_a_neuron_is_a_delay_of_its_spike():
    net, inputs = layered_network("dendritic")
    grad = SpikeGradient(net)
    run = grad.forward({"input": inputs})
    spikes = np.isfinite(run.first_spikes("hidden"))
    errors = np.random.default_rng(0).normal(size=(8, 5))
    gradient = grad.backward(run, {"hidden": errors})
    assert gradient.delay["input->hidden"][0] == pytest.approx((errors * spikes).sum(axis=0), abs=1e-10)


@pytest.mark.parametrize("kind", ["uniform", "axonal", "dendritic"])
@pytest.mark.parametrize("loop", [False, True])
def test_shared_delays_have_the_sum_of_the_synaptic_derivatives(kind, loop):
    shared, inputs = layered_network(kind, once=False, loop=loop)
    net, _ = layered_network("synaptic", once=False, loop=loop)
    grads = SpikeGradient(shared), SpikeGradient(net)
    grads[1].parameters["delay/input->hidden"][...] = grads[0].parameters["delay/input->hidden"]
    for name in (
        "weight/input->hidden",
        "weight/hidden->label",
        "weight/label->hidden",
        "delay/label->hidden",
    ):
        if name in grads[0].parameters:
            grads[1].parameters[name][...] = grads[0].parameters[name]
    found = []
    for grad in grads:
        run = grad.forward({"input": inputs}, until=6.0)
        found.append(grad.backward(run, errors_of(shared, run)))
    each, one = found[1].delay["input->hidden"], found[0].delay["input->hidden"]
    sums = {
        "uniform": each.sum(),
        "axonal": each.sum(axis=1)[:, None],
        "dendritic": each.sum(axis=0)[None, :],
    }
    assert one == pytest.approx(sums[kind], abs=1e-10)
    assert found[0].weight["input->hidden"] == pytest.approx(found[1].weight["input->hidden"], abs=1e-10)


@pytest.mark.parametrize("loop", [False, True])
def test_results_do_not_depend_on_threads_to_the_bit(loop):
    net, _ = layered_network("synaptic", once=False, loop=loop)
    inputs = np.random.default_rng(1).uniform(0, 2, (150, 6))
    found = []
    for threads in (1, 2, 5):
        grad = SpikeGradient(net, threads=threads)
        run = grad.forward({"input": inputs}, until=6.0)
        found.append((run.first_spikes("label"), grad.backward(run, errors_of(net, run))))
    for times, gradient in found[1:]:
        assert (times == found[0][0]).all()
        for key, value in gradient.parameters.items():
            assert (value == found[0][1].parameters[key]).all()
        assert (gradient.times["input"] == found[0][1].times["input"]).all()


def test_the_same_spikes_given_as_an_array_or_listed_give_the_same():
    net, inputs = layered_network(once=False)
    inputs[2, 3] = np.inf
    grad = SpikeGradient(net)
    rng = np.random.default_rng(0)
    listed = []
    for row in inputs:
        order = rng.permutation(6)
        listed.append((row[order], order))
    dense = grad.forward({"input": inputs}, until=6.0)
    by_array = grad.backward(dense, errors_of(net, dense))
    run = grad.forward({"input": listed}, until=6.0)
    by_list = grad.backward(run, errors_of(net, run))
    assert (run.first_spikes("label") == dense.first_spikes("label")).all()
    for sample, (_, order) in enumerate(listed):
        assert (by_list.times["input"][sample] == by_array.times["input"][sample][order]).all()


def test_silent_neurons_have_no_gradient():
    net, inputs = layered_network()
    grad = SpikeGradient(net)
    grad.parameters["weight/input->hidden"][:, 2] = -1.0
    run = grad.forward({"input": inputs})
    assert np.isinf(run.first_spikes("hidden")[:, 2]).all()
    gradient = grad.backward(run, {"hidden": np.ones((8, 5)), "label": np.ones((8, 3))})
    assert (gradient.weight["input->hidden"][:, 2] == 0).all()
    assert (gradient.weight["hidden->label"][2] == 0).all()
    assert np.abs(gradient.weight["input->hidden"]).sum() > 0


def test_a_network_in_which_nothing_spikes_has_gradients_of_zero():
    net, _ = layered_network()
    grad = SpikeGradient(net)
    run = grad.forward({"input": np.full((2, 6), np.inf)})
    gradient = grad.backward(run, {"label": np.ones((2, 3))})
    assert all((value == 0).all() for value in gradient.parameters.values())
    assert (gradient.times["input"] == 0).all()


def one_cell(weight, **constants):
    net = es.Network()
    net.add("input", es.models.SpikeSource(), len(weight))
    net.add("cell", es.models.LIF(tau_mem=2.0, **constants), 1)
    net.connect("input", "cell", weight=np.reshape(weight, (-1, 1)))
    return net


def test_derivative_grows_towards_a_grazing_crossing_until_the_guard_stops_it():
    # With c_mem = tau_syn = 1 and tau_mem = 2 a single input reaches v_th = 1 if its weight is at least 2.
    found = []
    for excess in (1e-2, 1e-4, 1e-6):
        net = one_cell([2.0 + excess])
        grad = SpikeGradient(net)
        run = grad.forward({"input": [[0.0]]})
        found.append(grad.backward(run, {"cell": [[1.0]]}).weight["input->cell"][0, 0])
        # x = e^(-T/2) = (1 + sqrt(1 - 2/w)) / 2, so dT/dw = -1 / (x w^2 sqrt(1 - 2/w))
        w = 2.0 + excess
        root = np.sqrt(1 - 2 / w)
        assert found[-1] == pytest.approx(-1 / ((1 + root) * w**2 * root) * 2, rel=1e-6)
        guarded = SpikeGradient(net, max_slope_inverse=100.0)
        run = guarded.forward({"input": [[0.0]]})
        passed = guarded.backward(run, {"cell": [[1.0]]}).weight["input->cell"][0, 0]
        assert passed == (found[-1] if run.slope_inverses("cell", 0)[0] <= 100 else 0.0)
    assert found[0] > 5 * found[1] > 25 * found[2]
    assert SpikeGradient(one_cell([2.0 - 1e-9])).forward({"input": [[0.0]]}).counts("cell").sum() == 0


def test_an_exactly_tangent_crossing_passes_nothing_on():
    grad = SpikeGradient(one_cell([2.0]))
    run = grad.forward({"input": [[0.0]]})
    gradient = grad.backward(run, {"cell": [[1.0]]})
    assert np.isfinite(gradient.weight["input->cell"]).all()
    if run.counts("cell").sum() and not np.isfinite(run.slope_inverses("cell", 0)).all():
        assert gradient.weight["input->cell"][0, 0] == 0.0


def test_at_a_change_of_order_the_derivative_is_that_of_the_input_before_the_spike():
    spike = SpikeGradient(one_cell([3.0])).forward({"input": [[0.0]]}).first_spikes("cell")[0, 0]
    slopes = []
    for shift in (-1e-9, 0.0, 1e-9):
        grad = SpikeGradient(one_cell([3.0, 1.0]))
        run = grad.forward({"input": [[0.0, spike + shift]]})
        slopes.append(grad.backward(run, {"cell": [[1.0]]}).times["input"][0, 1])
    assert slopes[1] == pytest.approx(slopes[0], rel=1e-6)
    assert slopes[0] > 0.1
    assert slopes[2] == 0.0


def test_a_neuron_that_starts_above_threshold_fires_at_once_whatever_its_parameters():
    grad = SpikeGradient(one_cell([1.0], v_init=1.5, t_ref=0.1))
    run = grad.forward({"input": [[1.0]]}, until=3.0)
    assert run.spikes("cell", 0).times[0] == 0.0
    gradient = grad.backward(run, {"cell": [[1.0]]})
    assert all((value == 0).all() for value in gradient.parameters.values())


def test_tape_takes_48_bytes_a_spike_and_nothing_for_arrivals():
    net, inputs = layered_network(once=False)
    run = SpikeGradient(net).forward({"input": inputs}, until=6.0)
    assert run.nbytes == 48 * sum(run.counts(name).sum() for name in net.populations)


def test_a_pass_keeps_its_spikes_while_others_come_and_go():
    net, inputs = layered_network(once=False)
    grad = SpikeGradient(net)
    run = grad.forward({"input": inputs}, until=6.0)
    counts, first = run.counts("hidden"), run.first_spikes("hidden")
    for until in (3.0, 6.0, 0.1):  # their memory goes from one to the next
        grad.forward({"input": inputs[::-1]}, until=until)
    np.testing.assert_array_equal(run.counts("hidden"), counts)
    np.testing.assert_array_equal(run.first_spikes("hidden"), first)
    again = grad.forward({"input": inputs}, until=6.0)
    np.testing.assert_array_equal(again.first_spikes("hidden"), first)


def test_long_runs_in_pieces_give_the_same(monkeypatch):
    net, inputs = layered_network("synaptic", once=False)
    found = []
    for chunk in (2**21, 5):
        monkeypatch.setattr(es.models.gradients.eventprop.network, "CHUNK", chunk)
        grad = SpikeGradient(net)
        run = grad.forward({"input": inputs}, until=6.0)
        found.append((run, grad.backward(run, errors_of(net, run))))
    assert found[1][0]._tapes[0].n_windows > found[0][0]._tapes[0].n_windows == 1
    for key, value in found[0][1].parameters.items():
        assert found[1][1].parameters[key] == pytest.approx(value, abs=1e-10)


def test_bad_input_is_refused_with_one_clear_line():
    net, inputs = layered_network()
    grad = SpikeGradient(net)
    with pytest.raises(UnknownPart, match="input spikes are given for 'inputs'; sources: input"):
        grad.forward({"inputs": inputs})
    with pytest.raises(UnknownPart, match="input spikes of 'input' are missing"):
        grad.forward({})
    with pytest.raises(ValueError, match=r"shape \(8, 5\), expected \(n_samples, 6\)"):
        grad.forward({"input": inputs[:, :5]})
    with pytest.raises(ValueError, match="at times >= 0 or inf, got -1"):
        grad.forward({"input": np.full((1, 6), -1.0)})
    with pytest.raises(ValueError, match="at times >= 0 or inf, got nan"):
        grad.forward({"input": np.full((1, 6), np.nan)})
    with pytest.raises(ValueError, match=r"must not be before 0, got -0\.5"):
        grad.forward({"input": [([-0.5], [0])]})
    run = grad.forward({"input": inputs})
    with pytest.raises(ValueError, match=r"errors of 'label' have shape \(8, 2\), expected \(8, 3\)"):
        grad.backward(run, {"label": np.ones((8, 2))})
    with pytest.raises(ValueError, match="errors of 'label' must be finite, got nan"):
        grad.backward(run, {"label": np.full((8, 3), np.nan)})
    with pytest.raises(UnknownPart, match="no population is named 'output'; known: input, hidden, label"):
        grad.backward(run, {"output": np.ones((8, 3))})
    grad.parameters["delay/hidden->label"][...] = -0.1
    with pytest.raises(ValueError, match=r"delay of 'hidden->label' must not be negative, got -0\.1"):
        grad.forward({"input": inputs})
    grad.parameters["delay/hidden->label"][...] = 0.3
    with pytest.raises(ValueError, match="parameters have changed since the forward pass"):
        grad.backward(run, {"label": np.ones((8, 3))})
    with pytest.raises(ValueError, match="threads must be a whole number"):
        SpikeGradient(net, threads=0)


def test_a_run_can_be_differentiated_whenever_the_parameters_have_its_values_again():
    net, inputs = layered_network("synaptic", once=False, loop=True)
    grad = SpikeGradient(net)
    run = grad.forward({"input": inputs}, until=6.0)
    expected = grad.backward(run, errors_of(net, run)).parameters
    kept = {key: value.copy() for key, value in grad.parameters.items()}
    grad.parameters["weight/input->hidden"][...] *= 1.5
    grad.forward({"input": inputs}, until=6.0)
    for wrong in (-0.1, 0.0):  # the second is found late: a loop without delay
        for name in ("hidden->label", "label->hidden"):
            grad.parameters[f"delay/{name}"][...] = wrong
        with pytest.raises(ValueError, match=r"must not be negative|zero delay all around"):
            grad.forward({"input": inputs}, until=6.0)
    for key, value in kept.items():
        grad.parameters[key][...] = value
    found = grad.backward(run, errors_of(net, run)).parameters
    assert all((found[key] == value).all() for key, value in expected.items())


@pytest.mark.parametrize("seed", range(2000, 2010))
def test_network_with_changed_parameters_is_what_the_simulation_runs(seed):
    case = random_case(seed)
    grad = SpikeGradient(case.net)
    rng = np.random.default_rng(seed)
    for value in grad.parameters.values():
        value *= rng.uniform(0.95, 1.05, value.shape)
    run = grad.forward({"input": case.inputs}, until=case.until)
    sim = es.Simulation(grad.network(), schedule="ordered")
    sim.stimulate("input", *case.inputs[0])
    sim.run(case.until)
    for name in neurons(case.net):
        assert run.spikes(name, 0).times == pytest.approx(sim.spikes(name).times, rel=0, abs=1e-12)


def test_an_optimiser_learns_delays_and_time_constants_from_the_derivatives():
    net, inputs = layered_network("synaptic", once=False)
    grad = SpikeGradient(net)
    adam = es.models.optimisers.Adam(0.01)
    loss = es.models.training.losses.TimeInvariant()
    labels = np.arange(len(inputs)) % 3
    chosen = ["delay/input->hidden", "tau_mem/label", "tau_syn/hidden"]
    losses = []
    for _ in range(40):
        run = grad.forward({"input": inputs}, until=8.0)
        values, errors = loss(run.first_spikes("label"), labels)
        losses.append(values.mean())
        found = grad.backward(run, {"label": errors / len(inputs)}).parameters
        adam.update({key: grad.parameters[key] for key in chosen}, {key: found[key] for key in chosen})
        np.maximum(grad.parameters["delay/input->hidden"], 0, out=grad.parameters["delay/input->hidden"])
    assert losses[-1] < 0.8 * losses[0]


def test_derivatives_that_overflow_are_refused():
    grad = SpikeGradient(one_cell([2.0001]))
    run = grad.forward({"input": [[0.0]]})
    with pytest.raises(OverflowError, match="the network amplifies small changes"):
        grad.backward(run, {"cell": [[1e308]]})


def test_networks_that_eventprop_cannot_take_are_refused():
    net = es.Network()
    net.add("noise", es.models.Poisson(rate=10.0), 2)
    net.add("cell", es.models.LIF(), 2)
    with pytest.raises(ConfigError, match="'noise' is Poisson"):
        SpikeGradient(net)
    net = es.Network()
    net.add("a", es.models.LIF(), 2)
    net.connect("a", "a", weight=1.0, delay=0.0)
    with pytest.raises(ConfigError, match="zero delay all around a -> a"):
        SpikeGradient(net).forward({}, until=1.0)
    net = es.Network()
    net.add("a", es.models.LIF(i_ext=2.0), 2)
    with pytest.raises(ConfigError, match="i_ext makes 'a' spike for ever"):
        SpikeGradient(net).forward({})
    net.connect("a", "a", weight=50.0, delay=0.01)
    with pytest.raises(ConfigError, match="loops needs a finite `until`"):
        SpikeGradient(net).forward({})
    with pytest.raises(RuntimeError, match="more than 1000 spikes before 100: is the activity running away"):
        SpikeGradient(net, max_spikes=1000).forward({}, until=100.0)
