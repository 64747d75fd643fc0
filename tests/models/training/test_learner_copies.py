"""Learners, their gradients and trainers are copied, and learn on to the same bits."""

import copy
import pickle
import warnings

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import SpikeGradient
from eventsim.models.training import Adam, Batches, SpikeLearner, Task, Trainer, shuffled
from eventsim.models.training.first_spike import FirstSpike
from eventsim.models.training.learner import BatchMetrics
from eventsim.models.training.supervised import SupervisedLearner


def pickled(thing):
    return pickle.loads(pickle.dumps(thing))


HOW = {"pickle": pickled, "deepcopy": copy.deepcopy, "copy": copy.copy}
ways = pytest.mark.parametrize("way", HOW.values(), ids=HOW)
X = {"in": np.random.default_rng(1).uniform(0, 2, (24, 3))}
Y = np.arange(24) % 2


def network():
    net = es.Network(seed=2)
    net.add("in", es.models.SpikeSource(), 3)
    net.add("hidden", es.models.LIF(first_spike_only=True), 6)
    net.add("out", es.models.LIF(first_spike_only=True), 2)
    net.connect("in", "hidden", weight=es.connect.uniform(1.0, 2.5), delay=np.full((3, 6), 0.3))
    net.connect("hidden", "out", weight=es.connect.uniform(0.2, 1.0), delay=0.3)
    return net


def bits(learner):
    return {name: value.tobytes() for name, value in learner.parameters.items()}


@ways
def test_a_learner_learns_on_to_the_same_bits(way):
    learner, optimiser = SpikeLearner(network(), "out", max_missing={"hidden": 0.2}, threads=2), Adam(0.05)
    learner.spike_gradient.parameters["tau_mem/hidden"][:] = 11.0  # not trained, and changed by hand
    for _ in range(3):
        learner.step(X, Y, optimiser)
    again, its = way(learner), copy.deepcopy(optimiser)
    assert bits(again) == bits(learner)
    assert all(again.parameters[name] is not learner.parameters[name] for name in learner.parameters)
    steps = [[each.step(X, Y, o).loss for _ in range(3)] for each, o in ((learner, optimiser), (again, its))]
    assert steps[0] == steps[1]
    assert bits(again) == bits(learner)
    assert again.first_spikes(X).tobytes() == learner.first_spikes(X).tobytes()


@ways
def test_a_copy_and_its_optimiser_are_copied_together(way):
    learner, optimiser = SpikeLearner(network(), "out"), Adam(0.05)
    learner.step(X, Y, optimiser)
    again, its = way((learner, optimiser)) if way is not copy.copy else (copy.copy(learner), optimiser)
    assert bits(again) == bits(learner)
    again.step(X, Y, its)
    assert bits(again) != bits(learner)  # the copy's parameters are its own


@ways
def test_gradients_are_copied_with_their_parameters(way):
    grad = SpikeGradient(network(), threads=2, max_slope_inverse=50.0, kernel="eventprop")
    grad.parameters["weight/in->hidden"][:] *= 1.1
    again = way(grad)
    found = []
    for each in (grad, again):
        run = each.forward(X)
        found.append(each.backward(run, {"out": np.ones((24, 2))}).weight["in->hidden"].tobytes())
    assert found[0] == found[1]
    again.parameters["weight/in->hidden"][:] = 0.0
    assert grad.parameters["weight/in->hidden"].all()


@ways
def test_the_deprecated_learner_is_copied_too(way):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        learner = FirstSpike(network(), "out")
    again = way(learner)
    learner.step(X, Y, Adam(0.05))
    if way is not copy.copy:
        again.step(X, Y, Adam(0.05))
        assert again.weights["in->hidden"] is not learner.weights["in->hidden"]
    assert again.weights["in->hidden"].tobytes() == learner.weights["in->hidden"].tobytes()


def test_a_network_that_grows_later_is_no_longer_that_of_a_learner():
    net = network()
    learner, grad = SpikeLearner(net, "out"), SpikeGradient(net)
    net.add("more", es.models.LIF(), 2)
    net.connect("hidden", "more", weight=1.0)
    assert list(learner.network().populations) == list(grad.network().populations) == ["in", "hidden", "out"]
    assert len(pickled(learner).network().projections) == 2


@ways
@pytest.mark.parametrize("order", [None, "shuffled"])
def test_a_trainer_is_copied_between_two_epochs(way, order):
    task = Task("ours", 3, 2, {"train": (X["in"], Y), "validation": (X["in"][:6], Y[:6])})
    batches = Batches(24, 5, order and shuffled(24))

    def trainer():
        learner = SupervisedLearner(
            network=SpikeLearner(network(), "out"), optimiser=Adam(0.05), task=task, encode=encode
        )
        return Trainer(learner, batches, epochs=4)

    whole = trainer()
    whole.run()
    half = trainer()
    half.epochs = 2
    half.run()
    again = way(half)
    again.epochs = 4
    again.run()
    assert bits(again.learner.network) == bits(whole.learner.network)


def encode(samples, rng):
    return {"in": samples}


def test_what_a_batch_adds_to_the_metrics_is_copied():
    for metrics in (BatchMetrics(3), BatchMetrics(3, {"train_loss": 1.0}, {"bumps": 1})):
        for way in HOW.values():
            assert way(metrics) == metrics


@ways
@pytest.mark.parametrize("kernel", ["first-spike", "eventprop"])
def test_a_forward_pass_says_what_to_keep(way, kernel):
    run = SpikeGradient(network(), kernel=kernel).forward(X)
    with pytest.raises(
        TypeError, match=r"a forward pass cannot be pickled or copied, .* keep what spikes"
    ) as told:
        way(run)
    assert "\n" not in str(told.value)


def test_an_empty_batch_is_refused_in_one_line():
    learner, none = SpikeLearner(network(), "out"), {"in": np.empty((0, 3))}
    for ask in (
        lambda: learner.forward(none),
        lambda: learner.predict(none),
        lambda: learner.step(none, [], Adam(0.1)),
        lambda: learner.spike_gradient.forward({"in": []}),
    ):
        with pytest.raises(
            ValueError, match="input spikes of 'in' hold no samples; a batch needs at least one"
        ):
            ask()
