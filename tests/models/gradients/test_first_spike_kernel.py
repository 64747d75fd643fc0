"""The first-spike kernel against EventProp and exact arithmetic; identities; noise; what is refused."""

import mpmath
import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError, UnknownPart
from eventsim.models.gradients import Noise, SpikeGradient

RATIOS = (1.0, 2.0, 0.5, 1.37, 3.0, 1.0001, 8.0)
KINDS = ("uniform", "axonal", "dendritic", "synaptic")


def delays(rng, kind, n_pre, n_post, longest=1.5):
    shape = {"uniform": (), "axonal": (n_pre, 1), "dendritic": (1, n_post), "synaptic": (n_pre, n_post)}
    return rng.uniform(0, longest, shape[kind])


def random_layers(seed):
    """Layers of any sizes, ratio and kinds of delays; times on a grid now and then, so that many tie."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    ratio = float(rng.choice(RATIOS))
    sizes = [int(n) for n in rng.integers(1, 12, size=rng.integers(2, 5))]
    net.add("p0", es.models.SpikeSource(), sizes[0])
    for k, n in enumerate(sizes[1:], 1):
        tau_syn = float(rng.uniform(0.5, 1.5))
        v_th = 1.0 if rng.random() < 0.6 else rng.uniform(0.8, 1.25, n)
        constants = {"tau_mem": ratio * tau_syn, "tau_syn": tau_syn, "c_mem": float(rng.uniform(0.7, 1.3))}
        cell = es.models.LIF(
            **constants, v_th=v_th, v_leak=float(rng.choice([0, -0.2])), v_reset=-0.3, first_spike_only=True
        )
        net.add(f"p{k}", cell, n)
    pairs = [(f"p{k}", f"p{k + 1}") for k in range(len(sizes) - 1)]
    if len(sizes) > 2 and rng.random() < 0.5:
        pairs.append(("p0", f"p{len(sizes) - 1}"))
    for pre, post in pairs:
        shape = net.populations[pre].n, net.populations[post].n
        weight = rng.normal(1.5, 1.5, shape) * 2.5 / np.sqrt(shape[0])
        longest = float(rng.choice([1.5, 15.0]))
        net.connect(pre, post, weight=weight, delay=delays(rng, str(rng.choice(KINDS)), *shape, longest))
    times = rng.uniform(0, 2, (int(rng.integers(1, 80)), sizes[0])) * float(rng.choice([1, 5]))
    if rng.random() < 0.3:
        times = np.round(4 * times) / 4
    times[rng.random(times.shape) < 0.1] = np.inf
    return net, {"p0": times}, float(rng.choice([np.inf, 4.0]))


def chain(kind="synaptic", ratio=2.0, sizes=(5, 7, 3), n_samples=40, seed=0):
    rng = np.random.default_rng(seed)
    net = es.Network()
    net.add("p0", es.models.SpikeSource(), sizes[0])
    for k, n in enumerate(sizes[1:], 1):
        net.add(f"p{k}", es.models.LIF(tau_mem=ratio, first_spike_only=True), n)
        weight = rng.normal(1.5, 1, (sizes[k - 1], n)) * 3 / np.sqrt(sizes[k - 1])
        net.connect(f"p{k - 1}", f"p{k}", weight=weight, delay=delays(rng, kind, sizes[k - 1], n))
    return net, {"p0": rng.uniform(0, 2, (n_samples, sizes[0]))}


def errors(run, names, seed=1):
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=run.first_spikes(name).shape) for name in names}


def layers_of(net):
    return [name for name, p in net.populations.items() if not p.model.is_source]


def steepest(run, net):
    return max(run.slope_inverses(name, s).max(initial=0) for name in layers_of(net) for s in range(len(run)))


@pytest.mark.parametrize("block", range(10))
def test_first_spike_kernel_and_eventprop_agree_on_random_networks(block):
    checked = 0
    for seed in range(30 * block, 30 * block + 30):
        net, inputs, until = random_layers(seed)
        kernels = [SpikeGradient(net, kernel=kernel) for kernel in ("first-spike", "eventprop")]
        one, other = (grad.forward(inputs, until) for grad in kernels)
        for name in net.populations:
            assert (one.counts(name) == other.counts(name)).all()
            found, expected = one.first_spikes(name), other.first_spikes(name)
            there = np.isfinite(expected)
            assert found[there] == pytest.approx(expected[there], rel=0, abs=1e-12)
        if steepest(other, net) > 200:
            continue  # what is close to grazing amplifies rounding
        given = errors(other, net.populations)
        found, expected = (grad.backward(run, given) for grad, run in zip(kernels, (one, other), strict=True))
        for key, value in expected.parameters.items():
            assert found.parameters[key] == pytest.approx(value, rel=1e-9, abs=1e-9 * (1 + abs(value).max()))
        scale = 1 + abs(expected.times["p0"]).max(initial=0)
        assert found.times["p0"] == pytest.approx(expected.times["p0"], rel=1e-9, abs=1e-9 * scale)
        for name in net.populations:
            inverse = one.slope_inverses(name, 0)
            assert inverse == pytest.approx(other.slope_inverses(name, 0), rel=1e-8)
            assert one.errors(name, 0) == pytest.approx(other.errors(name, 0), rel=1e-8, abs=1e-8 * scale)
        checked += 1
    assert checked > 15


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("late", [0.0, 1000.0])
def test_spike_times_and_derivatives_are_those_of_exact_arithmetic(ratio, late):
    """A neuron with 12 synapses, each with a delay of its own, in 40 digits."""
    rng = np.random.default_rng(7)
    weight, delay = rng.normal(0.9, 0.8, 12), late + rng.uniform(0, 3, 12)
    net = es.Network()
    net.add("in", es.models.SpikeSource(), 12)
    net.add("out", es.models.LIF(tau_mem=ratio, first_spike_only=True), 1)
    net.connect("in", "out", weight=weight[:, None], delay=delay[:, None] + np.zeros((12, 1)))
    grad = SpikeGradient(net, kernel="first-spike", time_constants=True)
    grad.parameters["delay/in->out"][...] = delay[:, None]
    times = rng.uniform(0, 2, (20, 12))
    run = grad.forward({"in": times})
    found = run.first_spikes("out")[:, 0]
    gradients = [grad.backward(grad.forward({"in": t[None]}), {"out": np.ones((1, 1))}) for t in times]
    n_spikes = 0
    with mpmath.workdps(40):
        tau = mpmath.mpf(ratio)

        def kappa(s):
            if tau == 1:
                return s * mpmath.exp(-s)
            return (mpmath.exp(-s / tau) - mpmath.exp(-s)) / (1 - 1 / tau)

        for sample, t in enumerate(times):
            x = [mpmath.mpf(float(a)) + mpmath.mpf(float(b)) for a, b in zip(t, delay, strict=True)]
            w = [mpmath.mpf(float(a)) for a in weight]
            if not np.isfinite(found[sample]):
                grid = np.linspace(min(t + delay), max(t + delay) + 10, 4000)
                assert (
                    max(sum(a * kappa(g - b) for a, b in zip(w, x, strict=True) if b < g) for g in grid) < 1
                )
                continue

            def above(time, w=w, x=x):
                return sum(a * kappa(time - b) for a, b in zip(w, x, strict=True) if b <= time) - 1

            exact = mpmath.findroot(above, mpmath.mpf(float(found[sample])))
            assert abs(exact - found[sample]) < 2e-13 * (1 + late)
            slope = mpmath.diff(above, exact)
            for i in range(12):
                causal = x[i] <= exact
                by_weight = -kappa(exact - x[i]) / slope if causal else 0
                by_time = w[i] * mpmath.diff(kappa, exact - x[i]) / slope if causal else 0
                assert abs(gradients[sample].weight["in->out"][i, 0] - by_weight) < 1e-9 * (1 + late)
                assert abs(gradients[sample].delay["in->out"][i, 0] - by_time) < 1e-9 * (1 + late)
            n_spikes += 1
    assert n_spikes > 8


@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.37])
def test_derivatives_of_delays_keep_the_identities(ratio):
    """A common shift shifts the spike; dendritic delays shift it alone; axonal ones sum up synaptic ones."""
    net, inputs = chain("synaptic", ratio)
    found = {}
    for kind in KINDS:
        other, _ = chain("uniform", ratio)
        other.projections.clear()
        for p in net.projections:
            shape = {"uniform": (), "axonal": (-1, 1), "dendritic": (1, -1), "synaptic": None}[kind]
            one = np.full(np.shape(p.weight), 0.4)
            delay = one if shape is None else 0.4 + np.zeros(one[:, :1].shape if kind == "axonal" else ())
            delay = np.full((1, one.shape[1]), 0.4) if kind == "dendritic" else delay
            other.connect(p.pre, p.post, weight=p.weight, delay=delay)
        grad = SpikeGradient(other, kernel="first-spike")
        run = grad.forward(inputs)
        found[kind] = grad.backward(run, errors(run, ["p2"]))
        spikes = np.isfinite(run.first_spikes("p2"))
        by_output = np.where(spikes, errors(run, ["p2"])["p2"], 0.0).sum(axis=0)
    for name in ("p0->p1", "p1->p2"):
        each = found["synaptic"].delay[name]
        assert found["axonal"].delay[name] == pytest.approx(each.sum(axis=1, keepdims=True), abs=1e-10)
        assert found["dendritic"].delay[name] == pytest.approx(each.sum(axis=0, keepdims=True), abs=1e-10)
        assert found["uniform"].delay[name] == pytest.approx(each.sum(), abs=1e-10)
        for kind in KINDS:
            assert found[kind].weight[name] == pytest.approx(found["uniform"].weight[name], abs=1e-10)
    assert found["dendritic"].delay["p1->p2"][0] == pytest.approx(by_output, abs=1e-10)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.37])
@pytest.mark.parametrize("kind", KINDS)
def test_derivatives_are_central_differences(kind, ratio):
    net, inputs = chain(kind, ratio, n_samples=6, seed=3)
    grad = SpikeGradient(net, kernel="first-spike")
    run = grad.forward(inputs)
    given = errors(run, ["p1", "p2"])
    gradient = grad.backward(run, given)

    def loss(moved):
        counts = [(run.counts(name) == moved.counts(name)).all() for name in given]
        assert all(counts), "a spike appeared or disappeared: take another seed"
        there = {name: np.isfinite(moved.first_spikes(name)) for name in given}
        return sum(moved.first_spikes(name)[at] @ given[name][at] for name, at in there.items())

    h = 1e-6
    for key, value in grad.parameters.items():
        flat = value.reshape(-1)
        expected = np.empty(flat.shape)
        for i in range(len(flat)):
            kept = flat[i]
            flat[i] = kept + h
            high = loss(grad.forward(inputs))
            flat[i] = kept - h
            expected[i] = (high - loss(grad.forward(inputs))) / (2 * h)
            flat[i] = kept
        found = gradient.parameters[key].reshape(-1)
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-6 * abs(expected).max())


def test_a_common_delay_shifts_outputs_and_leaves_derivatives():
    net, inputs = chain("uniform")
    net.projections.clear()
    rng = np.random.default_rng(4)
    weights = rng.normal(1.5, 1, (5, 7)), rng.normal(1.5, 1, (7, 3))
    found = []
    for delay in (0.0, 0.75):
        other, _ = chain("uniform")
        other.projections.clear()
        other.connect("p0", "p1", weight=weights[0], delay=np.full((5, 7), delay))
        other.connect("p1", "p2", weight=weights[1], delay=np.full((7, 3), delay))
        grad = SpikeGradient(other, kernel="first-spike")
        run = grad.forward(inputs)
        found.append((run.first_spikes("p2"), grad.backward(run, errors(run, ["p2"])).weight))
    there = np.isfinite(found[0][0])
    assert found[1][0][there] == pytest.approx(found[0][0][there] + 1.5, abs=1e-12)
    for name, value in found[0][1].items():
        assert found[1][1][name] == pytest.approx(value, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.37])
@pytest.mark.parametrize("kind", ["axonal", "synaptic"])
def test_threads_and_company_change_nothing_not_even_the_last_bit(kind, ratio):
    net, inputs = chain(kind, ratio, sizes=(12, 30, 20), n_samples=1100)
    runs, found = [], []
    for threads in (1, 3):
        grad = SpikeGradient(net, kernel="first-spike", threads=threads, max_dw_norm=0.5)
        run = grad.forward(inputs)
        runs.append(run)
        found.append(grad.backward(run, errors(run, ["p2"])))
    for name in ("p1", "p2"):
        assert (runs[0].first_spikes(name) == runs[1].first_spikes(name)).all()
        alone = grad.forward({"p0": inputs["p0"][77:78]}).first_spikes(name)
        assert (alone[0] == runs[0].first_spikes(name)[77]).all()
    for key, value in found[0].parameters.items():
        assert (found[1].parameters[key] == value).all()
    assert (found[0].times["p0"] == found[1].times["p0"]).all()


def test_weights_that_do_not_fit_in_the_cache_are_read_for_several_samples_at_once():
    net, inputs = chain("axonal", 1.0, sizes=(400, 256, 3), n_samples=19)
    inputs["p0"][3] = np.inf  # nothing arrives
    inputs["p0"][4, :390] = np.inf
    grad = SpikeGradient(net, kernel="first-spike")
    run, general = (
        grad.forward(inputs),
        SpikeGradient(net, kernel="eventprop", time_constants=False).forward(inputs),
    )
    for name in ("p1", "p2"):
        expected = general.first_spikes(name)
        assert run.first_spikes(name) == pytest.approx(expected, rel=0, abs=1e-12)
        for sample in range(19):
            alone = grad.forward({"p0": inputs["p0"][sample : sample + 1]})
            assert (alone.first_spikes(name)[0] == run.first_spikes(name)[sample]).all()
    assert np.isinf(run.first_spikes("p1")[3]).all()


@pytest.mark.parametrize("kind", ["axonal", "synaptic"])
def test_silent_inputs_and_neurons_have_no_derivatives(kind):
    net, inputs = chain(kind)
    inputs["p0"][:, 2] = np.inf
    inputs["p0"][5] = np.inf
    grad = SpikeGradient(net, kernel="first-spike")
    grad.parameters["weight/p0->p1"][:, 1] = -1.0  # never spikes
    run = grad.forward(inputs)
    assert np.isinf(run.first_spikes("p1")[:, 1]).all()
    assert np.isinf(run.first_spikes("p2")[5]).all()
    gradient = grad.backward(run, errors(run, ["p1", "p2"]))
    for key, value in gradient.parameters.items():
        assert np.isfinite(value).all(), key
    assert not gradient.weight["p0->p1"][:, 1].any()
    assert not gradient.weight["p0->p1"][2].any()
    assert not gradient.weight["p1->p2"][1].any()
    assert not gradient.times["p0"][5].any()
    assert gradient.weight["p1->p2"].any()


@pytest.mark.parametrize("kernel", ["first-spike", "eventprop"])
@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.37])
@pytest.mark.parametrize("kind", KINDS)
def test_the_guard_drops_large_weight_gradients_and_nothing_else(kind, ratio, kernel):
    net, inputs = chain(kind, ratio)
    limit = 0.1
    free, guarded = (
        SpikeGradient(net, kernel="first-spike"),
        SpikeGradient(net, kernel=kernel, max_dw_norm=limit),
    )
    given = errors(free.forward(inputs), ["p2"])["p2"]
    expected = {name: np.zeros(value.shape) for name, value in free.parameters.items() if name[0] == "w"}
    dropped = 0
    for sample in range(len(given)):  # one at a time, by what `free` computes
        run = free.forward({"p0": inputs["p0"][sample : sample + 1]})
        for name, value in free.backward(run, {"p2": given[sample : sample + 1]}).weight.items():
            large = abs(value).max(axis=0) > limit
            dropped += large.sum()
            expected[f"weight/{name}"] += np.where(large, 0.0, value)
    assert dropped > 5
    one = free.backward(free.forward(inputs), {"p2": given})
    found = guarded.backward(guarded.forward(inputs), {"p2": given})
    for key, value in one.parameters.items():
        assert found.parameters[key] == pytest.approx(expected.get(key, value), rel=1e-10, abs=1e-10)
    assert found.times["p0"] == pytest.approx(one.times["p0"], abs=1e-12)


def test_slow_spikes_can_be_kept_from_passing_gradients_on():
    net, inputs = chain("synaptic", 1.37)
    found = []
    for kernel in ("first-spike", "eventprop"):
        grad = SpikeGradient(net, kernel=kernel, max_slope_inverse=1.5)
        run = grad.forward(inputs)
        found.append(grad.backward(run, errors(run, ["p2"])))
    assert steepest(run, net) > 2
    for key, value in found[1].parameters.items():
        assert found[0].parameters[key] == pytest.approx(value, rel=1e-9, abs=1e-10)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.37])
@pytest.mark.parametrize("kind", ["axonal", "synaptic"])
def test_observed_times_that_are_the_models_own_give_its_derivatives(kind, ratio):
    net, inputs = chain(kind, ratio)
    grad = SpikeGradient(net)
    run = grad.forward(inputs)
    seen = grad.observed(inputs, {name: run.first_spikes(name) for name in ("p1", "p2")})
    if steepest(run, net) > 200:
        pytest.fail("close to grazing: take another seed")
    given = errors(run, ["p2"])
    found, expected = grad.backward(seen, given), grad.backward(run, given)
    for key, value in expected.parameters.items():
        assert found.parameters[key] == pytest.approx(value, rel=1e-7, abs=1e-8)
    assert seen.slope_inverses("p1", 0) == pytest.approx(run.slope_inverses("p1", 0), rel=1e-8)


@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.37])
def test_observed_times_enter_delays_of_each_kind_alike(ratio):
    """The same times, once with delays in common and once listed synapse by synapse."""
    net, inputs = chain("axonal", ratio)
    run = SpikeGradient(net).forward(inputs)
    rng = np.random.default_rng(2)
    times = {
        name: run.first_spikes(name) + rng.uniform(-0.05, 0.1, run.first_spikes(name).shape)
        for name in ("p1", "p2")
    }
    found = []
    for kind in ("axonal", "synaptic"):
        other, _ = chain("axonal", ratio, sizes=(5, 7, 3))
        other.projections.clear()
        for p in net.projections:
            other.connect(
                p.pre, p.post, weight=p.weight, delay=p.delay + (0 if kind == "axonal" else 0 * p.weight)
            )
        grad = SpikeGradient(other, max_dw_norm=2.0)
        seen = grad.observed(inputs, times)
        found.append(grad.backward(seen, errors(seen, ["p2"])))
    for name in ("p0->p1", "p1->p2"):
        assert found[0].weight[name].any()
        assert found[0].weight[name] == pytest.approx(found[1].weight[name], rel=1e-8, abs=1e-9)
        assert found[0].delay[name][:, 0] == pytest.approx(
            found[1].delay[name].sum(axis=1), rel=1e-8, abs=1e-9
        )


@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.37, 0.6])
@pytest.mark.parametrize(("span", "late"), [(3.0, 5.0), (3.0, 40.0), (60.0, 80.0)])
def test_observed_times_far_from_their_inputs_enter_delays_of_each_kind_alike(ratio, span, late):
    """Sums in one frame, or where inputs span too much synapse by synapse, against synapse by synapse."""
    rng = np.random.default_rng(9)
    weight = rng.normal(1.5, 1.0, (6, 4))
    grads = []
    for delay in (np.zeros((6, 1)), np.zeros((6, 4))):
        net = es.Network()
        net.add("in", es.models.SpikeSource(), 6)
        net.add("cell", es.models.LIF(tau_mem=ratio, first_spike_only=True), 4)
        net.connect("in", "cell", weight=weight, delay=delay)
        grads.append(SpikeGradient(net, max_dw_norm=1e3))
    passed = 0
    for _ in range(40):  # one sample each, so that large derivatives of one do not hide those of another
        inputs = {"in": rng.uniform(0.0, span, (1, 6))}
        times, error = {"cell": rng.uniform(0.0, late, (1, 4))}, {"cell": rng.normal(size=(1, 4))}
        one, other = (grad.backward(grad.observed(inputs, times), error) for grad in grads)
        if abs(other.times["in"]).max() > 1e4:
            continue  # the model grazes threshold with this set: 1 / slope enlarges what was rounded
        passed += np.count_nonzero(one.weight["in->cell"])
        for key in ("weight", "times"):
            found, expected = (next(iter(getattr(g, key).values())) for g in (one, other))
            assert found == pytest.approx(expected, rel=1e-8, abs=1e-9 * abs(expected).max())
    assert passed > 20


@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.37])
def test_noise_moves_spikes_and_leaves_the_backward_pass_to_the_nominal_network(ratio):
    net, inputs = chain("synaptic", ratio, n_samples=25)
    grad = SpikeGradient(net)
    rng = np.random.default_rng(5)
    jitter = {p.name: rng.normal(0, 0.05, (25, *np.shape(p.weight))) for p in net.projections}
    noise = Noise(
        thresholds={"p1": rng.normal(0, 0.05, 7), "p2": rng.normal(0, 0.05, (25, 3))},
        delays=jitter,
        spikes={"p1": rng.normal(0, 0.02, (25, 7))},
    )
    run = grad.forward(inputs, noise=noise)
    for sample in range(25):  # what is noise here are parameters of a network of its own there
        other = es.Network()
        other.add("p0", es.models.SpikeSource(), 5)
        other.add(
            "p1", es.models.LIF(tau_mem=ratio, v_th=1 + noise.thresholds["p1"], first_spike_only=True), 7
        )
        v_th = 1 + noise.thresholds["p2"][sample]
        other.add("p2", es.models.LIF(tau_mem=ratio, v_th=v_th, first_spike_only=True), 3)
        for p in net.projections:
            delay = 10 + p.delay + jitter[p.name][sample]  # none may be negative
            other.connect(p.pre, p.post, weight=p.weight, delay=delay)
        alone = SpikeGradient(other, kernel="eventprop").forward({"p0": inputs["p0"][sample : sample + 1]})
        expected = alone.first_spikes("p1")[0] - 10 + noise.spikes["p1"][sample]
        assert run.first_spikes("p1")[sample] == pytest.approx(expected, abs=1e-12)
        readout = es.Network()
        readout.add("p1", es.models.SpikeSource(), 7)
        readout.add("p2", other.populations["p2"].model, 3)
        readout.connect("p1", "p2", weight=net.projections[1].weight, delay=other.projections[1].delay)
        alone = SpikeGradient(readout, kernel="eventprop").forward(
            {"p1": run.first_spikes("p1")[sample][None]}
        )
        assert run.first_spikes("p2")[sample] == pytest.approx(alone.first_spikes("p2")[0] - 10, abs=1e-12)
    times = {name: run.first_spikes(name) for name in ("p1", "p2")}
    given = errors(run, ["p2"])
    found = grad.backward(run, given)
    seen = grad.backward(grad.observed(inputs, times, Noise(delays=jitter)), given)
    for key, value in found.parameters.items():
        assert (seen.parameters[key] == value).all()
    assert any((abs(value) > 0).any() for value in found.weight.values())


def test_no_noise_is_no_noise():
    net, inputs = chain("axonal", 1.37)
    grad = SpikeGradient(net)
    calm = grad.forward(inputs, noise=Noise(thresholds={"p1": np.zeros(7)}))
    run = grad.forward(inputs)
    for name in ("p1", "p2"):
        there = np.isfinite(run.first_spikes(name))
        assert calm.first_spikes(name)[there] == pytest.approx(run.first_spikes(name)[there], abs=1e-12)


def test_lists_of_spikes_are_taken_where_no_unit_repeats():
    net, inputs = chain()
    grad = SpikeGradient(net)
    lists = [(t[::-1].copy(), np.arange(5)[::-1].copy()) for t in inputs["p0"]]
    one, other = grad.forward(inputs), grad.forward({"p0": lists})
    assert type(one) is type(other)
    assert (one.first_spikes("p2") == other.first_spikes("p2")).all()
    given = errors(one, ["p2"])
    rows = grad.backward(other, given).times["p0"]
    assert (np.array(rows)[:, ::-1] == grad.backward(one, given).times["p0"]).all()
    per_spike = [e[one.spikes("p2", sample).units] for sample, e in enumerate(given["p2"])]
    found, expected = (grad.backward(one, e).weight["p0->p1"] for e in ({"p2": per_spike}, given))
    assert (found == expected).all()
    twice = [(np.array([0.1, 0.4]), np.array([0, 0]))]
    assert type(grad.forward({"p0": twice})) is not type(one)  # EventProp
    with pytest.raises(ValueError, match="a unit of 'p0' spikes more than once in a sample"):
        SpikeGradient(net, kernel="first-spike").forward({"p0": twice})


def test_spikes_from_until_on_do_not_happen():
    net, inputs = chain()
    grad = SpikeGradient(net)
    whole, cut = grad.forward(inputs), grad.forward(inputs, until=2.0)
    for name in net.populations:
        times = whole.first_spikes(name)
        assert (cut.first_spikes(name) == np.where(times < 2.0, times, np.inf)).all()


def test_only_what_is_wanted_is_computed():
    net, inputs = chain("axonal", 1.0)
    grad = SpikeGradient(net)
    run = grad.forward(inputs)
    whole = grad.backward(run, errors(run, ["p2"]))
    part = grad.backward(run, errors(run, ["p2"]), wanted=("weight", "delay/p1->p2"))
    assert sorted(part.parameters) == ["delay/p1->p2", "weight/p0->p1", "weight/p1->p2"]
    assert not part.times
    for key, value in part.parameters.items():
        assert value == pytest.approx(whole.parameters[key], rel=1e-12)


def test_other_networks_are_refused_or_take_eventprop():
    net, inputs = chain()
    net.connect("p2", "p1", weight=np.ones((3, 7)), delay=0.1)
    with pytest.raises(ConfigError):
        SpikeGradient(net, kernel="first-spike")
    general = SpikeGradient(net).forward(inputs, until=3.0)
    assert general.counts("p2").any()
    with pytest.raises(ValueError, match="with noise, or of observed times, needs a feed-forward network"):
        SpikeGradient(net).forward(inputs, 3.0, Noise())
    for changes, message in (
        ({"first_spike_only": False}, "may spike again"),
        ({"i_ext": 0.1}, "do not start at rest: i_ext"),
        ({"v_init": 0.5}, "do not start at rest: v_init"),
        ({"v_th": np.inf}, "has no threshold"),
    ):
        net = es.Network()
        net.add("in", es.models.SpikeSource(), 2)
        net.add("cell", es.models.LIF(**({"first_spike_only": True} | changes)), 2)
        net.connect("in", "cell", weight=np.ones((2, 2)))
        with pytest.raises(ConfigError, match=message):
            SpikeGradient(net, kernel="first-spike")


def test_bad_noise_and_observations_are_refused_with_one_clear_line():
    net, inputs = chain()
    grad = SpikeGradient(net)
    run = grad.forward(inputs)
    times = {name: run.first_spikes(name) for name in ("p1", "p2")}
    with pytest.raises(UnknownPart, match="spike times of 'p2' are missing"):
        grad.observed(inputs, {"p1": times["p1"]})
    with pytest.raises(ValueError, match=r"spike times of 'p1' has shape \(40, 2\), expected \(40, 7\)"):
        grad.observed(inputs, {**times, "p1": times["p1"][:, :2]})
    with pytest.raises(ValueError, match="must be numbers or inf, got nan"):
        grad.observed(inputs, {**times, "p1": np.full((40, 7), np.nan)})
    with pytest.raises(UnknownPart, match="noise of delays is given for 'p1'"):
        grad.forward(inputs, noise=Noise(delays={"p1": 0.0}))
    with pytest.raises(ValueError, match="noise brings thresholds of 'p1' down to rest"):
        grad.forward(inputs, noise=Noise(thresholds={"p1": -1.0}))
    with pytest.raises(ValueError, match=r"kernel must be auto, first-spike or .*, got 'fast'"):
        SpikeGradient(net, kernel="fast")
    with pytest.raises(ValueError, match="max_dw_norm must be positive"):
        SpikeGradient(net, max_dw_norm=0.0)
