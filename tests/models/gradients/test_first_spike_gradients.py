"""The backward pass against the implicit function theorem, the closed forms and central differences."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.models.training import SpikeLearner
from eventsim.models.training.losses.first_spike import TargetTimes, TimeToFirstSpike
from reference import first_spike as slow

RATIOS = [1.0, 2.0, 1.37, 0.8, 0.5, 3.0]

# Sheet of Göltz et al. 2021, section h.1: t, w, dT/dw and dT/dt by ratio of the time constants.
GOLDEN = {
    ("A", 1): ([0.15, 0.6, 1.2], [1, 1.5, 1], [-0.395462324, -0.382708773, -0.120337516],
               [-0.05893691, 0.217602201, 0.841334709]),
    ("A", 2): ([0.15, 0.6, 1.2], [1, 1.5, 1], [-0.609537546, -0.453286458, 0], [0.185835009, 0.814164991, 0]),
    ("B", 1): ([0.3, 0.5, 0.9, 1.4], [1.2, -0.5, 2, 0.8],
               [-0.375050923, -0.382959137, -0.347149023, -0.110382594],
               [-0.080998108, 0.003656833, 0.426496336, 0.65084494]),
    ("B", 2): ([0.3, 0.5, 0.9, 1.4], [1.2, -0.5, 2, 0.8], [-0.494906383, -0.463946637, -0.330778962, 0],
               [0.131559262, -0.102086198, 0.970526937, 0]),
    ("C", 1): ([0.2], [3], [-0.541698061], [1]),
    ("C", 2): ([0.2], [3], [-0.244016936], [1]),
    ("D", 2): ([0.2], [2.7], [-0.357022597], [1]),
    ("F", 1): ([0.25, 0.75, 1.1, 1.9], [2, 2, -1.5, 3], [-0.207200883, -0.092672255, 0, 0],
               [0.189567512, 0.810432488, 0, 0]),
    ("F", 2): ([0.25, 0.75, 1.1, 1.9], [2, 2, -1.5, 3], [-0.166199288, -0.046438961, 0, 0],
               [0.291620967, 0.708379033, 0, 0]),
}  # fmt: skip


class Weighted:
    """A loss linear in the output times, so that its gradient is that of the times themselves."""

    def __init__(self, factors):
        self.factors = np.asarray(factors, float)

    def __call__(self, times, labels, tau_syn=1.0):
        spikes = np.isfinite(times)
        return np.where(spikes, times, 0.0) @ self.factors, np.where(spikes, self.factors, 0.0)

    def predict(self, times, tau_syn=1.0):
        return times.argmin(axis=1)


def first_spike(net, output, loss=None, max_dw_norm=0.2):
    """Return a learner of weights by first spikes, with the published guard unless another is given."""
    return SpikeLearner(net, output, loss, learn="weight", max_dw_norm=max_dw_norm)


def network(sizes, ratio, rng, skip=False, delay=0.0, mean=1.2):
    """Return a chain of layers with a bias to each, and perhaps projections over a layer."""
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), sizes[0])
    net.add("bias", es.models.SpikeSource(), 1)
    names = ["input"]
    for k, n in enumerate(sizes[1:]):
        names.append(f"layer{k}")
        net.add(names[-1], es.models.LIF(tau_mem=ratio, first_spike_only=True), n)
        scale = 4 / net.populations[names[-2]].n
        net.connect(names[-2], names[-1], weight=rng.normal(mean, 1.0, (sizes[k], n)) * scale, delay=delay)
        net.connect("bias", names[-1], weight=rng.normal(0.5, 0.5, (1, n)))
        if skip and k:
            net.connect(names[-3], names[-1], weight=rng.normal(0.3, 0.5, (sizes[k - 1], n)))
    return net, names[-1]


def jacobian(t, w, ratio, times=None):
    """Return dT/dw and dT/dt of a single neuron, the latter by way of a relay that passes its error on."""
    n = len(t)
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), n)
    net.add("relay", es.models.LIF(tau_mem=ratio, first_spike_only=True), n)
    net.add("label", es.models.LIF(tau_mem=ratio, first_spike_only=True), 1)
    strong = 8.0
    net.connect("input", "relay", weight=strong * np.eye(n))
    net.connect("relay", "label", weight=np.asarray(w, float)[:, None])
    learner = first_spike(net, "label", Weighted([1.0]), max_dw_norm=math.inf)
    lag = slow.brute_force([0.0], [strong], ratio)
    per_weight = slow.derivatives(np.zeros(1), np.array([strong]), lag, ratio)[0][0]
    relayed = None if times is None else {"relay": [t], "label": [[times]]}
    origin = min(0.0, np.min(t) - lag)  # inputs are not negative; a shift of all times changes no derivative
    if relayed is not None:
        relayed = {name: np.asarray(each) - origin for name, each in relayed.items()}
    _, gradients = learner.gradients({"input": [np.asarray(t) - lag - origin]}, [0], times=relayed)
    return gradients["weight/relay->label"][:, 0], np.diag(gradients["weight/input->relay"]) / per_weight


def first_spikes(learner, inputs):
    run = learner.forward(inputs)
    return {name: run.first_spikes(name) for name in learner.spiking}


@pytest.mark.parametrize("case", GOLDEN)
def test_derivatives_of_single_neurons_are_those_of_the_paper(case):
    t, w, by_weight, by_time = GOLDEN[case]
    dw, dt = jacobian(t, w, case[1])
    assert dw == pytest.approx(by_weight, abs=6e-10)
    assert dt == pytest.approx(by_time, abs=6e-10)


@pytest.mark.parametrize("ratio", RATIOS)
def test_derivatives_follow_from_the_implicit_function(ratio):
    rng = np.random.default_rng(3)
    tested = 0
    for _ in range(40):
        t, w = rng.uniform(0.15, 2.0, 8), rng.normal(0.6, 1.0, 8)
        time = slow.brute_force(t, w, ratio)
        dw, dt = jacobian(t, w, ratio)
        if math.isinf(time):
            assert not dw.any()
            assert not dt.any()
            continue
        if np.sum((w * slow.kappa_slope(time - t, ratio, 1.0, 1.0))[t <= time]) < 0.05:
            continue
        expected_dw, expected_dt = slow.derivatives(t, w, time, ratio)
        assert dw == pytest.approx(expected_dw, rel=1e-9, abs=1e-11)
        assert dt == pytest.approx(expected_dt, rel=1e-9, abs=1e-11)
        assert dt.sum() == pytest.approx(1.0, abs=1e-10)  # a common shift of all inputs shifts the spike
        assert (dw[t < time] < 0).all()
        tested += 1
    assert tested > 15


@pytest.mark.parametrize("ratio", [1, 2])
def test_measured_times_enter_where_the_closed_forms_hold_the_spike_time(ratio):
    rng = np.random.default_rng(4)
    silent = 0
    for _ in range(60):
        t, w = rng.uniform(0.15, 2.0, 6), rng.normal(0.6, 1.0, 6)
        measured = rng.uniform(0.8, 2.5)
        dw, dt = jacobian(t, w, ratio, measured)
        expected_dw, expected_dt = slow.closed_form_derivatives(t, w, ratio, measured)
        # The relay's own derivative is put in by the caller at its ideal time, so only the ratio shows here.
        assert dw == pytest.approx(expected_dw, rel=1e-9, abs=1e-11)
        assert dt == pytest.approx(expected_dt, rel=1e-7, abs=1e-9)
        silent += not expected_dw.any()
    assert 5 < silent < 55


@pytest.mark.parametrize("ratio", RATIOS)
def test_measured_times_that_are_the_ideal_ones_give_the_same_gradient(ratio):
    rng = np.random.default_rng(5)
    net, label = network([5, 12, 3], ratio, rng)
    learner = first_spike(net, label)
    inputs = {"input": rng.uniform(0.15, 2.0, (20, 5)), "bias": [[0.9]]}
    labels = rng.integers(0, 3, 20)
    loss, expected = learner.gradients(inputs, labels)
    again, gradients = learner.gradients(inputs, labels, times=first_spikes(learner, inputs))
    assert again == loss
    for name, gradient in gradients.items():
        assert gradient == pytest.approx(expected[name], rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize(
    ("sizes", "skip", "delay"), [([4, 9, 3], False, 0.0), ([4, 20, 17, 3], True, 0.3), ([6, 18], False, 0.1)]
)
@pytest.mark.parametrize("loss", [TimeToFirstSpike(), TargetTimes(1.0, 2.0)])
def test_gradients_are_central_differences(ratio, sizes, skip, delay, loss):
    rng = np.random.default_rng(6)
    net, label = network(sizes, ratio, rng, skip, delay, mean=2.0)
    learner = first_spike(net, label, loss, max_dw_norm=math.inf)
    inputs = {"input": rng.uniform(0.15, 2.0, (5, sizes[0])), "bias": [[0.9]]}
    labels = rng.integers(0, sizes[-1], 5)
    _, gradients = learner.gradients(inputs, labels)
    step, compared = 1e-6, 0
    for name, weight in learner.parameters.items():
        for index in rng.permutation(weight.size)[:12]:
            place = np.unravel_index(index, weight.shape)
            kept, losses = weight[place], []
            for side in (1, -1):
                weight[place] = kept + side * step
                losses.append(learner.gradients(inputs, labels)[0])
            weight[place] = kept
            difference = (losses[0] - losses[1]) / (2 * step)
            assert gradients[name][place] == pytest.approx(difference, rel=1e-5, abs=3e-8)
            compared += difference != 0
    assert compared > 10


@pytest.mark.parametrize("ratio", RATIOS)
def test_gradients_over_many_time_constants_are_those_of_single_neurons(ratio):
    time, rng = 0.0, np.random.default_rng(7)
    while not 50 < time < 500:
        t, w = np.sort(rng.uniform(0.0, 500.0, 100)), rng.normal(0.3, 0.9, 100)
        time = slow.brute_force(t, w, ratio)
    dw, dt = jacobian(t, w, ratio)
    expected_dw, expected_dt = slow.derivatives(t, w, time, ratio)
    assert dw == pytest.approx(expected_dw, rel=1e-7, abs=1e-10)
    assert dt == pytest.approx(expected_dt, rel=1e-7, abs=1e-9)


def test_simultaneous_inputs_share_the_derivative():
    dw, dt = jacobian([0.2, 0.2, 0.5], [1.0, 1.0, 1.5], 1.0)
    assert dw[0] == dw[1]
    assert dt[0] == dt[1]
    assert dt.sum() == pytest.approx(1.0, abs=1e-12)


def test_a_grazing_spike_has_a_finite_gradient_or_none():
    for excess in (0.0, 1e-15, 1e-12, 1e-8):
        dw, dt = jacobian([0.2], [math.e * (1 + excess)], 1.0)
        assert np.isfinite(dw).all()
        assert np.isfinite(dt).all()


def test_the_guard_drops_large_weight_gradients_of_a_sample_and_keeps_the_error():
    rng = np.random.default_rng(8)
    net, label = network([4, 10, 3], 1.0, rng)
    inputs = {"input": rng.uniform(0.15, 2.0, (30, 4)), "bias": [[0.9]]}
    labels = rng.integers(0, 3, 30)
    single = [
        first_spike(net, label, max_dw_norm=math.inf).gradients(
            {"input": row[None], "bias": [[0.9]]}, [target]
        )[1]
        for row, target in zip(inputs["input"], labels, strict=True)
    ]
    limit = float(np.median([np.abs(g["weight/layer0->layer1"]).max() for g in single])) / 30
    _, gradients = first_spike(net, label, max_dw_norm=limit).gradients(inputs, labels)
    dropped = 0
    for layer in ("layer0", "layer1"):
        names = [name for name in gradients if name.endswith(f"->{layer}")]
        expected = {name: np.zeros_like(gradients[name]) for name in names}
        for sample in single:
            largest = np.max([np.abs(sample[name]).max(axis=0) for name in names], axis=0) / 30
            for name in names:
                expected[name] += np.where(largest > limit, 0.0, sample[name] / 30)
            dropped += int((largest > limit).sum())
        for name in names:
            assert gradients[name] == pytest.approx(expected[name], rel=1e-9, abs=1e-14)
    assert dropped > 5
