"""First-spike learning as a whole: bumping, threads, batches, checkpoints, messages, and that it learns."""

import math

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import UnknownPart
from eventsim.models.inputs.encoding import bias, latency
from eventsim.models.training import FirstSpike, SpikeLearner
from eventsim.models.training.batches import Batches
from eventsim.models.training.losses.first_spike import TimeToFirstSpike
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.supervised import SupervisedLearner
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Trainer


def network(n_hidden=20, mean=1.5, **constants):
    rng = np.random.default_rng(1)
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), 4)
    net.add("bias", es.models.SpikeSource(), 1)
    net.add("hidden", es.models.LIF(first_spike_only=True, **constants), n_hidden)
    net.add("label", es.models.LIF(first_spike_only=True), 3)
    net.connect("input", "hidden", weight=rng.normal(mean, 0.8, (4, n_hidden)))
    net.connect("bias", "hidden", weight=rng.normal(mean, 0.8, (1, n_hidden)))
    net.connect("hidden", "label", weight=rng.normal(0.5, 0.8, (n_hidden, 3)))
    net.connect("bias", "label", weight=rng.normal(0.5, 0.8, (1, 3)))
    return net


def batch(n=64, seed=2):
    samples, labels = es.io.datasets.yin_yang(size=n, seed=seed)
    return {"input": latency(samples), "bias": bias()}, labels


def first_spike(net, **options):
    """Return a learner of weights by first spikes, with the published guard."""
    return SpikeLearner(net, "label", learn="weight", **({"max_dw_norm": 0.2} | options))


def layers(learner, inputs):
    """Return the first spikes of every layer."""
    run = learner.forward(inputs)
    return {name: run.first_spikes(name) for name in ("hidden", "label")}


@pytest.fixture
def learner():
    return first_spike(network())


class Recorder:
    """An optimiser that only notes that it was called."""

    def __init__(self):
        self.calls = 0

    def update(self, parameters, gradients):
        self.calls += 1


def test_it_learns_a_part_of_yin_yang():
    learner = first_spike(network(40), max_missing={"hidden": 0.3, "label": 0.0})
    optimiser = Adam(0.01)
    inputs, labels = batch(600, seed=3)
    for epoch in range(25):
        order = np.random.default_rng(epoch).permutation(len(labels))
        for chosen in np.split(order, 10):
            learner.step(
                {"input": inputs["input"][chosen], "bias": inputs["bias"]}, labels[chosen], optimiser
            )
    assert learner.score(*batch(300, seed=4)) > 0.75  # a linear classifier reaches 0.64, chance is 0.33


@pytest.mark.parametrize("threads", [2, 3, 4])
def test_threads_change_no_bit(threads):
    inputs, labels = batch(101)
    one, many = first_spike(network()), first_spike(network(), threads=threads)
    for name, times in layers(one, inputs).items():
        assert np.array_equal(layers(many, inputs)[name], times)
    loss, gradients = one.gradients(inputs, labels)
    again, others = many.gradients(inputs, labels)
    assert loss == again
    assert all(np.array_equal(others[name], gradients[name]) for name in gradients)


def test_threads_change_no_bit_of_large_sums():
    rng = np.random.default_rng(5)
    net = es.Network(time_unit="1")
    net.add("input", es.models.SpikeSource(), 90)
    net.add("hidden", es.models.LIF(first_spike_only=True), 40)
    net.add("label", es.models.LIF(first_spike_only=True), 10)
    net.connect("input", "hidden", weight=rng.normal(0.1, 0.4, (90, 40)))
    net.connect("hidden", "label", weight=rng.normal(0.2, 0.6, (40, 10)))
    inputs, labels = {"input": rng.uniform(0.15, 2, (120, 90))}, rng.integers(0, 10, 120)
    results = [first_spike(net, threads=threads).gradients(inputs, labels)[1] for threads in (1, 2, 3)]
    assert results[0]["weight/input->hidden"].any()
    for other in results[1:]:
        assert all(np.array_equal(other[name], results[0][name]) for name in other)


def test_samples_do_not_depend_on_their_batch(learner):
    inputs, labels = batch(700)  # more than the forward pass holds at once
    times = layers(learner, inputs)
    for low, high in ((0, 1), (100, 140), (500, 530)):
        part = layers(learner, {"input": inputs["input"][low:high], "bias": inputs["bias"]})
        assert all(np.array_equal(part[name], times[name][low:high]) for name in part)
    # The gradient of a batch is the mean over its samples, unless the guard drops some.
    learner = first_spike(network(), max_dw_norm=math.inf)
    _, whole = learner.gradients({"input": inputs["input"][:6], "bias": bias()}, labels[:6])
    singles = [
        learner.gradients({"input": inputs["input"][k : k + 1], "bias": bias()}, labels[k : k + 1])[1]
        for k in range(6)
    ]
    for name, gradient in whole.items():
        assert gradient == pytest.approx(np.mean([g[name] for g in singles], axis=0), rel=1e-12, abs=1e-15)


def test_a_layer_that_misses_spikes_is_bumped_and_the_step_skipped():
    learner = first_spike(network(mean=-3.0), max_missing={"hidden": 0.3, "label": 0.0}, bump=0.01)
    inputs, labels = batch()
    before = {name: weight.copy() for name, weight in learner.parameters.items()}
    silent = np.isinf(learner.forward(inputs).first_spikes("hidden")).any(axis=0)
    optimiser = Recorder()
    step = learner.step(inputs, labels, optimiser)
    assert step.bumped == "hidden"
    assert step.missing["hidden"] > 0.3
    assert step.missing["label"] > 0
    assert optimiser.calls == 0
    for name in ("input->hidden", "bias->hidden"):
        rise = learner.parameters[f"weight/{name}"] - before[f"weight/{name}"]
        assert rise[:, silent] == pytest.approx(0.01, abs=1e-12)
        assert not rise[:, ~silent].any()
    for name in ("hidden->label", "bias->label"):  # only the first layer that fails
        assert np.array_equal(learner.parameters[f"weight/{name}"], before[f"weight/{name}"])


def test_the_bump_doubles_while_a_layer_needs_it_and_starts_again_otherwise():
    learner = first_spike(network(mean=-3.0), max_missing={"hidden": 0.3}, bump=0.01)
    inputs, labels = batch()
    weight = learner.parameters["weight/bias->hidden"]
    rises = []
    for _ in range(4):
        before = weight.copy()
        learner.step(inputs, labels, Recorder())
        rises.append((weight - before).max())
    assert rises == pytest.approx([0.01, 0.02, 0.04, 0.08])
    kept = {name: weight.copy() for name, weight in learner.parameters.items()}
    for weights in learner.parameters.values():
        weights[:] = 2.0
    optimiser = Recorder()
    assert learner.step(inputs, labels, optimiser).bumped is None
    assert optimiser.calls == 1
    for name, weights in learner.parameters.items():
        weights[:] = kept[name]
    before = weight.copy()
    learner.step(inputs, labels, Recorder())
    assert (weight - before).max() == pytest.approx(0.01)


def test_another_layer_starts_with_the_first_bump():
    learner = first_spike(network(mean=-3.0), max_missing={"hidden": 0.3, "label": 0.0}, bump=0.01)
    inputs, labels = batch()
    learner.step(inputs, labels, Recorder())
    learner.step(inputs, labels, Recorder())
    for name in ("input->hidden", "bias->hidden"):
        learner.parameters[f"weight/{name}"][:] = 2.0
    learner.parameters["weight/hidden->label"][:] = -1.0
    before = learner.parameters["weight/bias->label"].copy()
    assert learner.step(inputs, labels, Recorder()).bumped == "label"
    assert (learner.parameters["weight/bias->label"] - before).max() == pytest.approx(0.01)


def test_learning_goes_on_from_its_state_to_the_bit():
    def train(learner, optimiser, epochs):
        for epoch in epochs:
            inputs, labels = batch(50, seed=epoch)
            learner.step(inputs, labels, optimiser)

    whole, whole_adam = first_spike(network(), max_missing={"hidden": 0.02}), Adam(0.01)
    train(whole, whole_adam, range(30))
    first, first_adam = first_spike(network(), max_missing={"hidden": 0.02}), Adam(0.01)
    train(first, first_adam, range(13))
    second, second_adam = first_spike(network(mean=9.0), max_missing={"hidden": 0.02}), Adam(0.01)
    second.restore(first.state())
    second_adam.restore(first_adam.state())
    train(second, second_adam, range(13, 30))
    for name, weight in whole.parameters.items():
        assert np.array_equal(second.parameters[name], weight)


def test_silent_outputs_count_as_wrong_and_have_no_gradient(learner):
    inputs, labels = batch(10)
    for name in ("hidden->label", "bias->label"):
        learner.parameters[f"weight/{name}"][:] = -1.0
    loss, gradients = learner.gradients(inputs, labels)
    assert loss == 100.0
    assert not any(gradient.any() for gradient in gradients.values())
    assert (learner.predict(inputs) == -1).all()
    assert learner.score(inputs, labels) == 0.0


def test_the_trained_network_can_be_simulated(learner):
    inputs, labels = batch(1)
    learner.step(inputs, labels, Adam(0.1))
    times = learner.first_spikes(inputs)[0]
    sim = es.Simulation(learner.network())
    sim.stimulate("input", inputs["input"][0], np.arange(4))
    sim.stimulate("bias", [0.9], [0])
    sim.run(50.0)
    spikes = sim.spikes("label")
    simulated = np.full(3, np.inf)
    simulated[spikes.units] = spikes.times
    assert simulated == pytest.approx(times, abs=1e-11)


def test_inputs_must_fit(learner):
    inputs, labels = batch(5)
    times = inputs["input"]
    with pytest.raises(UnknownPart, match=r"input spikes of 'bias' are missing; given: input"):
        learner.forward({"input": times})
    with pytest.raises(UnknownPart, match=r"given for 'inputs'; sources: input, bias"):
        learner.forward({"inputs": times, "bias": bias()})
    with pytest.raises(ValueError, match=r"'input' have shape \(5, 3\), expected \(n_samples, 4\)"):
        learner.forward({"input": times[:, :3], "bias": bias()})
    with pytest.raises(ValueError, match=r"'bias' hold 3 samples, expected 5"):
        learner.forward({"input": times, "bias": np.ones((3, 1))})
    for wrong in (math.nan, -math.inf, -0.1):
        with pytest.raises(ValueError, match=r"'input' must be at times >= 0 or inf, got -?(nan|inf|0.1)"):
            learner.forward({"input": np.where(times == times.max(), wrong, times), "bias": bias()})
    with pytest.raises(ValueError, match=r"labels must lie in 0 to 2, got 3"):
        learner.gradients(inputs, [0, 1, 2, 3, 0])
    with pytest.raises(ValueError, match=r"labels must be 5 whole numbers.* got shape \(4,\)"):
        learner.gradients(inputs, labels[:4])
    with pytest.raises(ValueError, match=r"labels must be 5 whole numbers.* float64"):
        learner.gradients(inputs, labels.astype(float))
    with pytest.raises(UnknownPart, match=r"spike times of 'label' are missing; given: hidden"):
        learner.gradients(inputs, labels, times={"hidden": np.ones((5, 20))})
    with pytest.raises(ValueError, match=r"'hidden' has shape \(3, 20\), expected \(5, 20\)"):
        learner.gradients(inputs, labels, times={"hidden": np.ones((3, 20)), "label": np.ones((3, 3))})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_missing": {"hiden": 0.3}}, r"spiking neurons is named 'hiden'; known: hidden, label"),
        ({"max_missing": {"hidden": 1.3}}, r"max_missing of 'hidden' must lie between 0 and 1, got 1.3"),
        ({"bump": -1.0}, r"bump must be finite and at least 0, got -1.0"),
        ({"max_dw_norm": 0.0}, r"max_dw_norm must be positive"),
        ({"threads": 0}, r"threads must be a whole number, at least 1, got 0"),
    ],
)
def test_settings_must_make_sense(changes, message):
    with pytest.raises((ValueError, UnknownPart), match=message):
        first_spike(network(), **changes)


def test_the_name_of_earlier_versions_gives_the_same_numbers():
    inputs, labels = batch(40)
    learner = first_spike(network(), max_missing={"hidden": 0.3})
    with pytest.warns(DeprecationWarning, match=r"FirstSpike\(...\) is called SpikeLearner"):
        alias = FirstSpike(network(), "label", max_missing={"hidden": 0.3})
    optimisers = Adam(0.01), Adam(0.01)
    for _ in range(5):
        assert learner.step(inputs, labels, optimisers[0]) == alias.step(inputs, labels, optimisers[1])
    for name, weight in alias.weights.items():
        assert np.array_equal(weight, learner.parameters[f"weight/{name}"])
    for name, times in layers(learner, inputs).items():
        assert np.array_equal(alias.forward(inputs)[name], times)
    earlier = {"input": inputs["input"] - 1.0, "bias": [-0.1]}  # a shift of all inputs shifts all spikes
    assert alias.forward(earlier)["label"] == pytest.approx(learner.first_spikes(inputs) - 1.0, abs=1e-12)
    assert alias.score(inputs, labels) == learner.score(inputs, labels)


@pytest.mark.parametrize("max_missing", [{"hidden": 0.3}, {"label": 0.0}])
def test_the_loss_of_an_epoch_is_that_of_the_samples_whose_gradient_it_followed(max_missing):
    samples, labels = es.io.datasets.yin_yang(size=400, seed=2)
    learner = SupervisedLearner(
        network=first_spike(network(mean=0.5), max_missing=max_missing),
        optimiser=Adam(0.01),
        task=Task("yin-yang", 4, 3, {"train": (samples, labels)}),
        encode=lambda samples, rng: {"input": latency(samples), "bias": np.tile(bias(), (len(samples), 1))},
    )
    seen, followed, silent = [], [], 0
    step = learner.network.step

    def watched(inputs, labels, optimiser):
        times = layers(learner.network, inputs)["label"]
        seen.append(step(inputs, labels, optimiser))
        if seen[-1].bumped is None:
            spikes = np.isfinite(times[np.arange(len(labels)), labels])
            followed.append(TimeToFirstSpike()(times, labels)[0][spikes])
            assert len(seen[-1].losses_followed) == np.count_nonzero(spikes)
            nonlocal silent
            silent += np.count_nonzero(~spikes)
        return seen[-1]

    learner.network.step = watched
    epoch = Trainer(learner, Batches(400, 10), epochs=1).advance_epoch()
    assert 0 < len(followed) < len(seen) == 40
    assert silent > 0 or max_missing == {"label": 0.0}
    assert epoch["train_loss"] == pytest.approx(np.concatenate(followed).mean())
    assert epoch["train_loss"] < 0.5 * np.mean([each.loss for each in seen])
    assert epoch["bumps"] == 40 - len(followed)
    assert epoch["train_accuracy"] == pytest.approx(sum(each.correct for each in seen) / 400)
