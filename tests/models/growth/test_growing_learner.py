"""Growing networks: insertions change nothing, streams resume to the same bits, and run in the engine."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.growth import (
    EWC,
    ContinualTrainer,
    GrowingLearner,
    Growth,
    SynapticIntelligence,
    continual_metrics,
    insert_units,
    perceptron,
    widths,
)
from eventsim.models.growth.network import n_parameters, resize
from eventsim.models.layers import LayerStream
from eventsim.models.training import SGD, Adam, Task
from eventsim.models.training.batches import seeded


def blobs(n_tasks=3, n=120, seed=0):
    """Return tasks of two classes, each with means of its own."""
    rng, tasks = np.random.default_rng(seed), []
    for _ in range(n_tasks):
        means, sets = rng.normal(size=(2, 16)), {}
        for split in ("train", "test"):
            labels = rng.integers(0, 2, n)
            x = means[labels] + 0.7 * rng.normal(size=(n, 16))
            sets[split] = x[:, None, :].astype(np.float32), labels
        tasks.append(Task("blobs", 16, 2, sets))
    return tasks


def trainer(
    tasks, *, growth="ed_only", dtype=np.float32, optimiser=None, hidden=(12, 12), si=False, **settings
):
    rng = seeded(3)
    learner = GrowingLearner(
        model=perceptron(16, hidden, 2, rng("weights"), dtype),
        optimiser=optimiser or Adam(0.01),
        task=tasks[0],
        rng=rng,
        growth=growth and Growth(trigger=growth, cooldown=1, probe_samples=64, **settings),
        ewc=EWC(5.0),
        intelligence=SynapticIntelligence(0.1) if si else None,
    )
    return ContinualTrainer(learner, tasks, epochs=lambda task: 4, batch=32, rng=rng)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_an_insertion_changes_nothing(dtype):
    model = perceptron(9, (12, 13), 4, np.random.default_rng(1), dtype)
    x = np.random.default_rng(2).normal(size=(1, 300, 9)).astype(dtype)
    before = model.forward(x).copy()
    for hidden, n_before, n in ((0, 9, 3), (1, 15, 7), (0, 9, 20)):
        insert_units(model, hidden, np.random.default_rng(n).normal(size=(n_before, n)))
    assert widths(model) == (35, 20)
    # Sums run in one order, and the new terms are 0: not even rounding differs.
    assert np.array_equal(model.forward(x), before)
    assert n_parameters(model) == 9 * 35 + 35 * 20 + 20 * 4


def test_fan_in_of_another_layer_is_refused():
    model = perceptron(9, (12,), 4, np.random.default_rng(1))
    with pytest.raises(ValueError, match=r"fan_in must have shape \(9, n_new\), got \(8, 2\)"):
        insert_units(model, 0, np.zeros((8, 2)))
    with pytest.raises(ValueError, match="expected the widths of 1 hidden layers, got 2"):
        resize(model, (12, 12))


def test_numbers_of_parameters_are_the_published_ones():
    for hidden, n_out, number in (
        ((12, 12), 2, 9576),
        ((24, 38), 2, 19804),
        ((32, 32), 2, 26176),
        ((64,), 10, 50816),
        ((64, 64), 10, 54912),
    ):
        assert n_parameters(perceptron(784, hidden, n_out, np.random.default_rng(0))) == number


@pytest.mark.parametrize("optimiser", [Adam(0.01), SGD(0.05, momentum=0.9)])
@pytest.mark.parametrize("kept", ["reset", "kept"])
def test_a_network_grows_and_its_optimiser_follows(optimiser, kept):
    found = trainer(blobs(), optimiser=optimiser)
    found.learner.growth = Growth(trigger="ed_only", cooldown=1, probe_samples=64, optimiser=kept)
    found.run()
    log = found.learner.log.columns()
    assert log["added"].sum() > 0
    for layer, width in enumerate(widths(found.learner.model)):
        assert width == 12 + log["added"][log["layer"] == layer].sum()
    assert found.learner.log.largest_change < 1e-5
    assert continual_metrics(found.accuracies)["learning_accuracy"] > 0.9


def test_there_is_no_test_in_a_cool_down_and_the_learning_rate_is_boosted():
    found, rates = trainer(blobs(1), growth="fixed_pertask", optimiser=SGD(0.1)), []
    found.epochs = lambda task: 8
    found.learner.growth = Growth(trigger="ed_only", gamma=1e-6, cooldown=3, boost=3.0, probe_samples=64)
    found.run(log=lambda name, value: rates.append(value) if name == "learning_rate" else None)
    # Every test grows: after the epochs 1, 5 and 9, which is not reached.
    assert found.learner.log.columns()["added"].all()
    assert found.learner.log.columns()["epoch"].tolist() == [1, 1, 5, 5]
    assert rates == pytest.approx([0.1, 0.3, 0.3, 0.3, 0.1, 0.3, 0.3, 0.3])


def test_without_fisher_information_the_gate_stays_closed():
    tasks = blobs(2)
    for task in tasks:
        task.sets["train"][0][...] = 0.0  # no input, so no gradient
    assert not trainer(tasks, growth="ed_fisher").run().learner.log.columns()["added"].any()
    assert not trainer(tasks, growth="fisher_only").run().learner.log.columns()["added"].any()
    assert trainer(tasks, growth="fixed_pertask").run().learner.log.columns()["added"].sum() == 8


def test_a_plan_says_how_many_units_each_task_adds():
    plan = (2, 0), (0, 3), (1, 1)
    log = trainer(blobs(), growth="fixed_pertask", plan=plan).run().learner.log.columns()
    added = np.zeros((3, 2), int)
    np.add.at(added, (log["task"].astype(int), log["layer"].astype(int)), log["added"].astype(int))
    assert added.tolist() == [list(row) for row in plan]
    with pytest.raises(ValueError, match="every row of plan must have the units of 2 hidden layers"):
        trainer(blobs(), growth="fixed_pertask", plan=((1,), (1,), (1,)))
    with pytest.raises(ValueError, match="plan has units for 2 tasks, and this is task 2"):
        trainer(blobs(), growth="fixed_pertask", plan=plan[:2]).run()


def test_weights_in_use_fall_at_every_insertion_and_rise_over_tasks():
    """G14: with a penalty, tasks use weights up; units that are inserted are free."""
    found, seen = trainer(blobs()), []
    found.run(log=lambda name, value: seen.append(value) if name == "task_occupied" else None)
    log = found.learner.log.columns()
    grown = (log["added"] > 0) & (log["task"] > 0)
    assert grown.any()
    assert (log["occupied_after"][grown] < log["occupied"][grown]).all()
    static, still = trainer(blobs(), growth=None), []
    static.run(log=lambda name, value: still.append(value) if name == "task_occupied" else None)
    assert still[0] == pytest.approx([0.5, 0.5], abs=0.01)  # above the median of task 1 itself
    assert all(late >= early for early, late in zip(still[0], still[-1], strict=True))


def test_unknown_units_and_first_weights_are_named():
    for settings, message in (
        ({"activation": "tanh"}, "activation must be 'relu' or 'gelu', got 'tanh'"),
        ({"first_weights": "zeros"}, "first_weights must be 'he_normal', 'lecun_normal' or 'xavier'"),
    ):
        with pytest.raises(ValueError, match=message):
            perceptron(9, (12,), 4, np.random.default_rng(1), **settings)
    spread = {
        name: perceptron(900, (300,), 4, np.random.default_rng(1), first_weights=name)
        .parameters["weight/0"]
        .std()
        for name in ("he_normal", "lecun_normal", "xavier")
    }
    assert spread["he_normal"] == pytest.approx(np.sqrt(2 / 900), rel=0.01)
    assert spread["lecun_normal"] == pytest.approx(np.sqrt(1 / 900), rel=0.01)
    assert spread["xavier"] == pytest.approx(np.sqrt(2 / 1200), rel=0.01)


def test_parameters_are_added_up_over_epochs():
    found, seen = trainer(blobs()), []
    found.run(log=lambda name, value: seen.append(value) if name == "parameters" else None)
    assert found.parameter_epochs == sum(seen)
    assert len(seen) == 12


@pytest.mark.parametrize("si", [False, True])
def test_a_stream_goes_on_to_the_same_bits_from_any_batch(si):
    tasks, states = blobs(), []
    whole = trainer(tasks, growth="loss_plateau", si=si, plateau=0.9).run(
        checkpoint=lambda state: states.append(state())
    )
    assert whole.learner.log.columns()["added"].any()
    for state in (states[1], states[len(states) // 2], states[-1]):
        again = trainer(tasks, growth="loss_plateau", si=si, plateau=0.9)
        again.restore(state)
        again.run()
        assert again.accuracies.tobytes() == whole.accuracies.tobytes()
        assert again.parameter_epochs == whole.parameter_epochs
        assert again.learner.log.state()["rows"].tobytes() == whole.learner.log.state()["rows"].tobytes()
        for name, array in whole.learner.model.parameters.items():
            assert array.tobytes() == again.learner.model.parameters[name].tobytes()


def test_the_grown_network_runs_in_the_engine_to_the_bits_of_its_outputs():
    tasks = blobs()
    model = trainer(tasks).run().learner.model
    x = tasks[1].samples("test")[:40, 0]
    expected = model.forward(x[None])[0]
    stream = LayerStream(model, 1.0)
    net = es.Network(seed=1)
    net.add("network", stream, stream.n)
    sim = es.Simulation(net, dt=1.0)
    outputs = []
    for sample in x:
        shown = np.zeros(stream.n)
        shown[:16] = sample
        sim.set_input("network", shown)
        sim.run_ticks(1)
        outputs.append(sim.array("network", "rate")[0, :2].copy())
    assert np.array_equal(np.array(outputs, np.float32), expected)


def test_metrics_of_a_stream_are_those_written_out():
    nan = np.nan
    found = continual_metrics([[0.9, nan, nan], [0.95, 0.8, nan], [0.5, 0.6, 0.7]])
    assert found["accuracy"] == pytest.approx(0.6)
    assert found["learning_accuracy"] == pytest.approx(0.8)
    assert found["backward_transfer"] == pytest.approx((-0.4 - 0.2) / 2)
    assert found["forgetting"] == pytest.approx((0.45 + 0.2) / 2)
    assert found["anytime_accuracy"] == pytest.approx((0.9 + 0.875 + 0.6) / 3)
    assert set(continual_metrics([[0.5]])) == {"accuracy", "learning_accuracy", "anytime_accuracy"}
    with pytest.raises(ValueError, match=r"square matrix, tasks by tasks, got shape \(2, 3\)"):
        continual_metrics(np.zeros((2, 3)))


def test_wrong_tasks_are_refused_in_one_line():
    tasks = blobs(2)
    x, labels = tasks[1].sets["train"]
    for sets, message in (
        ((x[:0], labels[:0]), "task 1 holds no samples; leave it out, or give it some"),
        ((x, labels + 1), "task 1 has the label 2, outside the head of 2 classes"),
        ((x, labels - 1), "task 1 has the label -1, outside the head of 2 classes"),
    ):
        wrong = [tasks[0], Task("blobs", 16, 2, {"train": sets, "test": tasks[1].sets["test"]})]
        with pytest.raises(ValueError, match=message):
            trainer(wrong).run()
    with pytest.raises(ValueError, match="a probe of 64 samples cannot show the effective dimension of 65"):
        trainer(tasks, hidden=(65, 12)).run()
