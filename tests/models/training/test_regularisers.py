"""Neurons are kept active while they learn."""

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import UnknownPart
from eventsim.models.training.losses.classes import MaxMembrane
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.regularisers import ActiveLearner, Activity


def network(mean):
    rng = np.random.default_rng(0)
    net = es.Network()
    net.add("input", es.models.SpikeSource(), 8)
    net.add("hidden", es.models.LIF(tau_mem=2.0, t_ref=0.1), 6)
    net.add("label", es.models.LIF(tau_mem=3.0, v_th=np.inf), 2)
    net.connect("input", "hidden", weight=rng.normal(mean, 0.3, (8, 6)), delay=rng.uniform(0, 1, (8, 1)))
    net.connect("hidden", "label", weight=rng.normal(0, 0.3, (6, 2)))
    return net


def inputs(n=12):
    rng = np.random.default_rng(1)
    return [(np.sort(rng.uniform(0, 10, 60)), rng.integers(0, 8, 60)) for _ in range(n)]


def learner(mean, activity):
    return ActiveLearner(network(mean), "label", MaxMembrane(), until=15.0, activity={"hidden": activity})


@pytest.mark.parametrize(("mean", "least", "most"), [(0.9, 0, 28), (0.1, 8, 99)])
def test_pulled_neurons_come_towards_their_bounds(mean, least, most):
    pulled, free = learner(mean, Activity(least, most, pull=1.0)), learner(mean, Activity(0, 99))
    optimisers = [Adam(0.005), Adam(0.005)]
    labels = np.arange(12) % 2
    before = pulled.forward({"input": inputs()}).counts("hidden").mean(axis=0)
    for _ in range(40):
        for one, optimiser in zip((pulled, free), optimisers, strict=True):
            one.step({"input": inputs()}, labels, optimiser)
    counts = [one.forward({"input": inputs()}).counts("hidden").mean(axis=0) for one in (pulled, free)]

    def excess(c):
        return np.abs(c - c.clip(least, most)).mean()

    assert excess(before) > 1
    assert excess(counts[0]) < 0.5 * min(excess(before), excess(counts[1]))


def test_pull_is_the_derivative_in_the_membrane_at_each_spike():
    activity = Activity(0, 2, pull=0.3)
    one = learner(0.9, activity)
    run = one.forward({"input": inputs()})
    over = 0.3 * np.maximum(run.counts("hidden").mean(axis=0) - 2, 0)
    for sample, errors in enumerate(activity.errors(run, "hidden")):
        units = run.spikes("hidden", sample).units
        # dL/dv = -dL/dT / v'
        assert -errors * run.slope_inverses("hidden", sample) == pytest.approx(over[units])
    assert (over > 0).any()


def test_weights_into_silent_neurons_rise_until_they_spike():
    one = learner(-0.2, Activity(0, 99, bump=0.05))
    optimiser = Adam(1e-6)
    assert not one.forward({"input": inputs()}).counts("hidden").any(axis=0).all()
    for _ in range(30):
        one.step({"input": inputs()}, np.zeros(12, int), optimiser)
    assert one.forward({"input": inputs()}).counts("hidden").any(axis=0).all()


def test_bad_settings_are_refused():
    with pytest.raises(ValueError, match="least must not be above most"):
        Activity(3, 2)
    with pytest.raises(UnknownPart, match="'label'"):
        ActiveLearner(network(1.0), "label", MaxMembrane(), until=9.0, activity={"label": Activity(1, 2)})
