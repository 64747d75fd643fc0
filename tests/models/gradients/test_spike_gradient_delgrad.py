"""The published golden network of DelGrad: times, decisions, loss, and derivatives of weights and delays."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import SpikeGradient
from eventsim.models.training.losses.first_spike import TimeInvariant

# 4-5-3 network with synaptic delays, from the authors' repository, rounded to 6 decimals
D1 = np.array(
    [
        [0.940978, 0.303373, 0.006929, 0.502280, 0.713996],
        [0.829051, 0.835122, 0.822844, 0.425593, 0.094510],
        [0.997477, 0.373995, 0.818985, 0.501394, 0.315301],
        [0.580327, 0.822563, 0.859056, 0.408942, 0.988024],
    ]
)
W1 = np.array(
    [
        [-0.453941, 2.166567, 2.686329, -0.926035, 10.469951],
        [0.950043, 9.516955, 40.597515, -0.159035, 2.757770],
        [0.164459, 2.125663, 2.853915, 1.997107, 1.702562],
        [2.529173, 10.321686, 3.270789, -0.358219, -1.970538],
    ]
)
D2 = np.array(
    [
        [0.965085, 0.221140, 0.750623],
        [0.599317, 0.683099, 0.050581],
        [0.664406, 0.003660, 0.128223],
        [0.502820, 0.526658, 0.554430],
        [0.037562, 0.939373, 0.876504],
    ]
)
W2 = np.array(
    [
        [7.500712, 0.194996, 3.524649],
        [2.622607, 1.501863, -0.755450],
        [-1.683884, 1.046818, 1.493008],
        [0.869005, 1.639429, 2.005749],
        [1.252418, -0.407067, 1.351793],
    ]
)
DELAY_2 = [
    [0.005745, -0.037734, 0.162480],
    [0.000310, -0.228435, -0.000931],
    [0.000021, 0.048238, -0.005163],
    [0, 0, 0],
    [-0.000086, 0.043451, 0.012105],
]
WEIGHT_2 = [
    [-0.000002, 0.187981, -0.000498],
    [-0.000361, 0.207933, -0.023364],
    [-0.000384, 0.238606, -0.022664],
    [0, 0, 0],
    [-0.000364, 0.227255, -0.021382],
]
DELAY_1 = [
    [-0.010037, -0.010207, 0.043095, 0, 0.047816],
    [0.032491, -0.218849, 0, 0, 0.007654],
    [0, 0, 0, 0, 0],
    [0.108037, 0, 0, 0, 0],
]
WEIGHT_1 = [
    [-0.040847, 0.010419, -0.015696, 0, -0.000126],
    [-0.035317, 0.000053, 0, 0, -0.001245],
    [0, 0, 0, 0, 0],
    [-0.030910, 0, 0, 0, 0],
]


@pytest.fixture(scope="module")
def golden():
    net = es.Network(time_unit="1")
    neuron = es.models.LIF(tau_mem=2.0, first_spike_only=True)
    net.add("input", es.models.SpikeSource(), 4)
    net.add("hidden", neuron, 5)
    net.add("label", neuron, 3)
    net.connect("input", "hidden", weight=W1, delay=D1)
    net.connect("hidden", "label", weight=W2, delay=D2)
    return net


@pytest.fixture(scope="module")
def yin_yang():
    samples, labels = es.io.datasets.yin_yang(size=1000, seed=40)
    return 0.15 + 1.85 * samples, labels


@pytest.mark.parametrize("kernel", ["first-spike", "eventprop"])
def test_first_sample_has_the_published_times_loss_and_derivatives(golden, kernel):
    grad = SpikeGradient(golden, kernel=kernel)
    run = grad.forward({"input": [[0.58307879, 0.89319120, 1.56692121, 1.25680880]]})
    hidden = [2.308356259, 1.730601691, 1.158105494, np.inf, 1.324188351]
    assert run.first_spikes("hidden")[0] == pytest.approx(hidden, abs=2e-8)
    times = run.first_spikes("label")
    assert times[0] == pytest.approx([3.275685902, 3.095216073, 3.069696238], abs=2e-8)
    losses, errors = TimeInvariant(0.2)(times, np.array([2]))
    assert losses[0] == pytest.approx(0.015239602014, abs=1e-8)
    gradient = grad.backward(run, {"label": errors})
    assert gradient.weight["hidden->label"] == pytest.approx(np.array(WEIGHT_2), abs=1e-6)
    assert gradient.delay["hidden->label"] == pytest.approx(np.array(DELAY_2), abs=1e-6)
    assert gradient.weight["input->hidden"] == pytest.approx(np.array(WEIGHT_1), abs=1e-6)
    assert gradient.delay["input->hidden"] == pytest.approx(np.array(DELAY_1), abs=1e-6)
    spikes = run.spikes("hidden", 0)
    totals = dict(zip(spikes.units.tolist(), run.errors("hidden", 0), strict=True))
    assert [totals[k] for k in (0, 1, 2, 4)] == pytest.approx(
        [0.13049084, -0.22905609, 0.04309517, 0.05547008], abs=1e-7
    )


@pytest.mark.parametrize("kernel", ["first-spike", "eventprop"])
def test_whole_test_set_is_classified_as_published(golden, yin_yang, kernel):
    inputs, labels = yin_yang
    run = SpikeGradient(golden, kernel=kernel).forward({"input": inputs})
    times = run.first_spikes("label")
    confusion = np.zeros((3, 3), int)
    np.add.at(confusion, (labels, times.argmin(axis=1)), 1)
    assert confusion.tolist() == [[324, 17, 9], [6, 296, 14], [0, 0, 334]]
    assert times.mean(axis=0) == pytest.approx([2.895950, 2.874194, 2.892470], abs=1e-6)
    assert times.min(axis=1).mean() == pytest.approx(2.772249, abs=1e-6)
    losses, _ = TimeInvariant(0.2)(times, labels)
    assert losses.mean() == pytest.approx(0.006444168558, abs=1e-10)


@pytest.mark.parametrize("kernel", ["first-spike", "eventprop"])
def test_times_are_those_of_the_event_queue(golden, yin_yang, kernel):
    inputs = yin_yang[0][:20]
    run = SpikeGradient(golden, kernel=kernel).forward({"input": inputs})
    for sample, times in enumerate(inputs):
        sim = es.Simulation(golden, schedule="ordered")
        sim.stimulate("input", times, np.arange(4))
        sim.run(20.0)
        for name in ("hidden", "label"):
            expected, found = sim.spikes(name), run.spikes(name, sample)
            assert (found.units == expected.units).all()
            assert found.times == pytest.approx(expected.times, rel=0, abs=1e-12)


def test_times_are_those_of_a_dense_integration(golden, yin_yang):
    """All 8 neurons of 50 samples on a grid of 1e-4 with the exact decay of each step."""
    step, n_steps = 1e-4, 46_000
    inputs = yin_yang[0][:50]
    run = SpikeGradient(golden).forward({"input": inputs})
    em, es_ = np.exp(-step / 2), np.exp(-step)
    response = 2 * (em - es_)  # of the membrane to a unit current over a step
    v, i = np.zeros((50, 8)), np.zeros((50, 8))
    first = np.full((50, 8), np.inf)
    # arrivals[k]: what arrives in step k, as (sample, neuron, weight)
    arrivals = [[] for _ in range(2 * n_steps)]
    for sample in range(50):
        for a in range(4):
            for b in range(5):
                arrivals[int((inputs[sample, a] + D1[a, b]) / step)].append((sample, b, W1[a, b]))
    for k in range(n_steps):
        v = v * em + i * response
        i = i * es_
        for sample, neuron, weight in arrivals[k]:
            i[sample, neuron] += weight
        new = (v >= 1.0) & np.isinf(first)
        if new.any():
            first[new] = k * step
            for sample, neuron in zip(*np.nonzero(new[:, :5]), strict=True):
                for label in range(3):
                    arrivals[int((k * step + D2[neuron, label]) / step)].append(
                        (sample, 5 + label, W2[neuron, label])
                    )
    expected = np.concatenate([run.first_spikes("hidden"), run.first_spikes("label")], axis=1)
    assert (np.isinf(first) == np.isinf(expected)).all()
    there = np.isfinite(expected)
    # 2e-4 for one layer; the next makes more of the errors of the one before.
    assert np.abs(first[there] - expected[there]).max() < 5e-4
    assert (first[:, 5:].argmin(axis=1) == expected[:, 5:].argmin(axis=1)).all()
