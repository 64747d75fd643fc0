"""Spikes measured again after their delay, against networks in which these arrivals are the inputs."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import SpikeGradient
from eventsim.models.training import SpikeLearner

SIZES = (4, 6, 3)
N_SAMPLES = 11


def chain(kind, ratio, delays=True):
    """Return a network of two layers, and one for each of them that takes arrivals as its inputs."""
    rng = np.random.default_rng(4)
    whole, parts = es.Network(), []
    whole.add("p0", es.models.SpikeSource(), SIZES[0])
    for k in (1, 2):
        n_pre, n_post = SIZES[k - 1 : k + 1]
        model = es.models.LIF(tau_mem=ratio, first_spike_only=True)
        weight = rng.normal(3.0 / n_pre, 0.4, (n_pre, n_post)) * (1 + ratio)
        shape = {"uniform": (1,), "axonal": (n_pre, 1), "dendritic": (1, n_post)}.get(kind, (n_pre, n_post))
        delay = rng.uniform(0.2, 1.0, shape)
        whole.add(f"p{k}", model, n_post)
        whole.connect(f"p{k - 1}", f"p{k}", weight=weight, delay=delay if delay.size > 1 else float(delay[0]))
        part = es.Network()
        part.add("in", es.models.SpikeSource(), n_pre)
        part.add("out", model, n_post)
        part.connect("in", "out", weight=weight, delay=np.zeros((n_pre, 1)))
        parts.append(part)
    return whole, parts


def measured(net, seed=5):
    """Return inputs, observed spikes and axonal arrivals that deviate from the network."""
    rng = np.random.default_rng(seed)
    inputs = {"p0": rng.uniform(0.1, 1.5, (N_SAMPLES, SIZES[0]))}
    run = SpikeGradient(net).forward(inputs)
    times = {name: run.first_spikes(name) for name in ("p1", "p2")}
    arrivals = {}
    for pre, post in (("p0", "p1"), ("p1", "p2")):
        sent = inputs["p0"] if pre == "p0" else times[pre]
        arrivals[f"{pre}->{post}"] = sent + 0.6 + rng.normal(0, 0.05, sent.shape)
    assert all(np.isfinite(each).mean() > 0.6 for each in times.values())
    return inputs, times, arrivals


def lost(arrivals, share=0.1):
    """Lose some arrivals whose spikes were there."""
    rng = np.random.default_rng(6)
    return {name: np.where(rng.random(a.shape) < share, np.inf, a) for name, a in arrivals.items()}


@pytest.mark.parametrize("ratio", [1.0, 2.0, 1.37])
@pytest.mark.parametrize("kind", ["uniform", "axonal", "dendritic", "synaptic"])
@pytest.mark.parametrize("some_lost", [False, True])
def test_derivatives_are_those_of_layers_that_get_the_arrivals_as_inputs(kind, ratio, some_lost):
    net, (first, second) = chain(kind, ratio)
    inputs, times, arrivals = measured(net)
    if some_lost:
        arrivals = lost(arrivals)
    error = np.random.default_rng(7).normal(size=times["p2"].shape)
    grad = SpikeGradient(net)
    found = grad.backward(grad.observed(inputs, times, arrivals=arrivals), {"p2": error})

    # Each layer alone, from the last to the first; dt'/dt = 1 hands on what an arrival gets.
    alone = SpikeGradient(second)
    above = alone.backward(alone.observed({"in": arrivals["p1->p2"]}, {"out": times["p2"]}), {"out": error})
    passed = np.where(times["p1"] < np.inf, above.times["in"], 0.0)
    alone = SpikeGradient(first)
    below = alone.backward(alone.observed({"in": arrivals["p0->p1"]}, {"out": times["p1"]}), {"out": passed})

    for name, layer in (("p0->p1", below), ("p1->p2", above)):
        assert layer.weight["in->out"].any()
        np.testing.assert_allclose(found.weight[name], layer.weight["in->out"], rtol=1e-9, atol=1e-11)
        by_source = layer.delay["in->out"][:, 0]
        if kind == "axonal":
            np.testing.assert_allclose(found.delay[name][:, 0], by_source, rtol=1e-9, atol=1e-10)
        np.testing.assert_allclose(found.delay[name].sum(), by_source.sum(), rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(found.times["p0"], below.times["in"], rtol=1e-9, atol=1e-11)


def test_arrivals_may_differ_from_target_to_target():
    net, _ = chain("synaptic", 2.0)
    inputs, times, _ = measured(net)
    grad = SpikeGradient(net)
    late = np.random.default_rng(1).normal(0, 0.05, (N_SAMPLES, *SIZES[:2]))
    nominal = inputs["p0"][:, :, None] + grad.parameters["delay/p0->p1"]
    noise = es.models.gradients.Noise(delays={"p0->p1": late})
    error = {"p2": np.ones(times["p2"].shape)}
    expected = grad.backward(grad.observed(inputs, times, noise), error)
    found = grad.backward(grad.observed(inputs, times, arrivals={"p0->p1": nominal + late}), error)
    for key, value in expected.parameters.items():
        np.testing.assert_allclose(found.parameters[key], value, rtol=1e-9, atol=1e-11)


def test_an_arrival_that_no_spike_explains_counts_for_nothing():
    net, _ = chain("axonal", 2.0)
    inputs, times, arrivals = measured(net)
    inputs["p0"][:, 1] = np.inf
    arrivals["p0->p1"][:, 1] = 0.9
    grad = SpikeGradient(net)
    error = {"p2": np.ones(times["p2"].shape)}
    found = grad.backward(grad.observed(inputs, times, arrivals=arrivals), error)
    assert not found.weight["p0->p1"][1].any()
    assert found.weight["p0->p1"][0].any()


def test_a_learner_takes_arrivals_with_the_times():
    net, _ = chain("axonal", 2.0)
    inputs, times, arrivals = measured(net)
    labels = np.arange(N_SAMPLES) % 3
    learner = SpikeLearner(net, "p2")
    _, without = learner.gradients(inputs, labels, times=times)
    loss, found = learner.gradients(inputs, labels, times=times, arrivals=arrivals)
    assert loss == pytest.approx(float(learner.loss(times["p2"], labels, 1.0)[0].mean()))
    assert not np.allclose(without["weight/p0->p1"], found["weight/p0->p1"])


def test_bad_arrivals_are_refused_with_one_clear_line():
    net, _ = chain("axonal", 2.0)
    inputs, times, arrivals = measured(net)
    grad = SpikeGradient(net)
    with pytest.raises(es.UnknownPart, match="arrivals are given for 'p2'; projections: p0->p1, p1->p2"):
        grad.observed(inputs, times, arrivals={"p2": times["p2"]})
    with pytest.raises(
        ValueError, match=r"'p0->p1' have shape \(11, 3\), expected \(11, 4\) or \(11, 4, 6\)"
    ):
        grad.observed(inputs, times, arrivals={"p0->p1": times["p2"]})
    with pytest.raises(ValueError, match="arrivals of 'p1->p2' must be numbers or inf, got nan"):
        grad.observed(inputs, times, arrivals={"p1->p2": np.full((N_SAMPLES, 6), np.nan)})
    with pytest.raises(ValueError, match="give one of them"):
        grad.observed(inputs, times, es.models.gradients.Noise(), arrivals)
