"""Classes from counts and from membranes: values by hand, derivatives by differences, and that they learn."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.models.training import SpikeLearner
from eventsim.models.training.losses.classes import MaxMembrane, SoftCounts
from eventsim.models.training.losses.loss import Outputs, as_loss
from eventsim.models.training.optimisers import Adam
from eventsim.trace import Spikes

RNG = np.random.default_rng(1)
GIVEN = [(np.sort(RNG.uniform(0, 4, 25)), RNG.integers(0, 6, 25)) for _ in range(4)]
LABELS = np.array([0, 1, 2, 1])


def network(readout):
    rng = np.random.default_rng(2)
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), 6)
    net.add("cells", es.models.LIF(t_ref=0.1), 5)
    net.add("label", es.models.LIF(v_th=math.inf if readout else 0.4), 3)
    net.connect("input", "cells", weight=rng.normal(1.0, 0.5, (6, 5)), delay=rng.uniform(0.2, 0.8, (6, 5)))
    net.connect("cells", "label", weight=rng.normal(0.8, 0.4, (5, 3)), delay=rng.uniform(0.2, 0.8, (5, 3)))
    return net


class Made:
    """A run with given spikes and maxima."""

    def __init__(self, trains=(), maxima=None):
        self.trains, self.tops = trains, maxima

    def __len__(self):
        return len(self.trains)

    def spikes(self, population, sample):
        return self.trains[sample]

    def first_spikes(self, population):
        return np.zeros((len(self.trains), 3))

    def maxima(self, population):
        return self.tops, np.zeros_like(self.tops)


def test_counts_far_from_the_borders_are_whole_numbers():
    spikes = Spikes(np.array([0.1, 5.0, 5.0, 6.0, 9.9]), np.array([0, 0, 2, 0, 2]))
    counts, slopes = SoftCounts(start=2.0, stop=8.0, width=0.02).counts([spikes], 3)
    assert counts[0] == pytest.approx([2, 0, 1], abs=1e-12)
    assert slopes[0] == pytest.approx(0.0, abs=1e-12)


def test_a_spike_at_a_border_counts_half():
    spikes = Spikes(np.array([2.0, 8.0]), np.array([0, 1]))
    counts, slopes = SoftCounts(start=2.0, stop=8.0, width=0.1).counts([spikes], 2)
    assert counts[0] == pytest.approx([0.5, 0.5])
    assert slopes[0] == pytest.approx([2.5, -2.5])  # 1 / (4 width)


def test_cross_entropy_of_maxima_by_hand():
    maxima = np.array([[1.0, 2.0, 0.5]])
    losses, errors = MaxMembrane(0.5)(Outputs(Made(maxima=maxima), "label"), np.array([0]))
    shares = np.exp(maxima[0] / 0.5) / np.exp(maxima[0] / 0.5).sum()
    assert losses[0] == pytest.approx(-math.log(shares[0]))
    assert errors[0] == pytest.approx((shares - [1, 0, 0]) / 0.5)


def test_large_numbers_do_not_overflow():
    outputs = Outputs(Made(maxima=np.array([[1e4, 0.0], [0.0, 1e4]])), "label")
    losses, errors = MaxMembrane()(outputs, np.array([0, 0]))
    assert losses == pytest.approx([0.0, 1e4])
    assert errors[1] == pytest.approx([-1.0, 1.0])


def test_the_most_spikes_tell_the_class_and_silence_none():
    def train(units):
        return Spikes(np.linspace(0, 1, len(units)), np.array(units, np.int64))

    run = Made([train([0, 1, 1]), train([2, 2, 0, 2]), train([])])
    assert SoftCounts(4.0).predict(Outputs(run, "label")).tolist() == [1, 2, -1]
    highest = Outputs(Made(maxima=np.array([[0.0, 1.0, 0.5]])), "label")
    assert MaxMembrane().predict(highest).tolist() == [1]


class OfRun:
    """A loss of a whole forward pass as the version before wanted it."""

    def __init__(self, loss):
        self.loss = loss

    def of_run(self, run, output, labels, tau_syn=1.0):
        return self.loss(Outputs(run, output), labels, tau_syn)

    def predict_run(self, run, output):
        return self.loss.predict(Outputs(run, output))


def test_losses_written_for_the_version_before_still_train_and_say_so():
    steps = []
    for loss in (SoftCounts(6.0), OfRun(SoftCounts(6.0))):
        if isinstance(loss, OfRun):
            with pytest.warns(DeprecationWarning, match=r"OfRun.of_run is now __call__"):
                as_loss(loss)
        learner = SpikeLearner(network(False), "label", loss, until=8.0)
        steps.append(learner.step({"input": GIVEN}, LABELS, Adam(0.01)))
    assert steps[0] == steps[1]
    with pytest.warns(DeprecationWarning, match=r"of_run\(run, output, ...\) is now"):
        MaxMembrane().of_run(Made(maxima=np.zeros((1, 2))), "label", np.array([0]))
    with pytest.raises(TypeError, match=r"a loss must be callable with outputs, targets and tau_syn, got 3"):
        as_loss(3)


@pytest.mark.parametrize(
    "loss", [SoftCounts(6.0, temperature=0.7), SoftCounts(4.0, 1.0, 0.5), MaxMembrane(), MaxMembrane(0.2)]
)
def test_gradients_are_central_differences_in_every_parameter(loss):
    kinds = ("weight", "delay", "tau_mem", "tau_syn")
    learner = SpikeLearner(network(isinstance(loss, MaxMembrane)), "label", loss, learn=kinds, until=8.0)
    inputs = {"input": GIVEN}
    _, gradients = learner.gradients(inputs, LABELS)
    rng = np.random.default_rng(3)
    for name, parameter in learner.parameters.items():
        direction = rng.normal(0, 1, parameter.shape)
        sides = []
        for step in (1e-6, -2e-6):
            parameter += step * direction
            sides.append(learner.gradients(inputs, LABELS)[0])
        parameter += 1e-6 * direction
        difference = (sides[0] - sides[1]) / 2e-6
        assert np.any(gradients[name])
        assert (gradients[name] * direction).sum() == pytest.approx(difference, rel=2e-5, abs=1e-7), name


@pytest.mark.parametrize("loss", [SoftCounts(6.0), MaxMembrane(0.2)])
def test_the_labels_of_a_few_samples_are_learned(loss):
    learner = SpikeLearner(network(isinstance(loss, MaxMembrane)), "label", loss, until=8.0)
    optimiser = Adam(0.02)
    losses = [learner.step({"input": GIVEN}, LABELS, optimiser).loss for _ in range(60)]
    assert losses[-1] < 0.3 * losses[0]
    assert learner.score({"input": GIVEN}, LABELS) == 1.0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SoftCounts(-1.0), r"stop must be after start = 0.0, got -1.0"),
        (lambda: SoftCounts(2.0, 3.0), r"stop must be after start = 3.0, got 2.0"),
        (lambda: SoftCounts(2.0, width=0.0), r"width must be positive, got 0.0"),
        (lambda: MaxMembrane(-1.0), r"temperature must be finite and at least 0, got -1.0"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
