"""Losses of sequences, and layers that learn through the one training loop."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eventsim as es
from eventsim.models.training import Adam, Batches, EarlyStopping, StepDecay, Task, Trainer, shuffled

layers = es.models.layers
Loss = es.models.losses.SequenceCrossEntropy
READOUTS = ["last", "mean", "sum", "max", "cumulative", "each_step"]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(READOUTS),
    st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(2, 5)),
    st.booleans(),
    st.sampled_from([0.0, 1e-12, 0.1]),
    st.integers(0, 99),
)
def test_errors_of_the_cross_entropy_are_its_derivatives(readout, shape, ragged, floor, seed):
    rng = np.random.default_rng(seed)
    u, labels = 2 * rng.normal(size=shape), rng.integers(0, shape[2], shape[1])
    if readout == "each_step" and seed % 2:
        labels = rng.integers(0, shape[2], (shape[1], shape[0]))
    lengths = rng.integers(1, shape[0] + 1, shape[1]) if ragged else None
    loss = Loss(readout, floor=floor)
    _, errors = loss(u, labels, lengths=lengths)
    for place in np.ndindex(u.shape):
        kept, sides = u[place], []
        for step in (1e-6, -1e-6):
            u[place] = kept + step
            sides.append(loss(u, labels, lengths=lengths)[0].sum())
        u[place] = kept
        assert errors[place] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-8)


def test_badly_wrong_samples_are_not_learned_from_with_a_floor():
    u = np.zeros((50, 1, 2))
    u[..., 1] = 30.0  # p_0 of 50 steps is far below 1e-12
    losses, errors = Loss("cumulative", floor=1e-12)(u, np.array([0]))
    assert losses == pytest.approx(-np.log(1e-12), rel=1e-9)
    assert np.abs(errors).max() < 1e-9
    assert np.abs(Loss("mean")(u, np.array([0]))[1]).max() > 1e-3


@pytest.mark.parametrize("readout", READOUTS)
def test_padding_changes_neither_losses_nor_classes(readout):
    rng = np.random.default_rng(1)
    lengths, u = np.array([3, 7, 1, 5]), rng.normal(size=(7, 4, 3))
    labels, loss = rng.integers(0, 3, 4), Loss(readout)
    first = (
        [part.copy() for part in loss(u, labels, lengths=lengths)],
        loss.accuracy(u, labels, lengths=lengths),
    )
    alone = [loss(u[:n, k : k + 1], labels[k : k + 1])[0][0] for k, n in enumerate(lengths)]
    u[np.arange(7)[:, None] >= lengths] = 1e3 * rng.normal(size=(12, 3))
    again = loss(u, labels, lengths=lengths), loss.accuracy(u, labels, lengths=lengths)
    assert (first[0][0] == again[0][0]).all()
    assert first[0][0] == pytest.approx(alone, rel=1e-12)
    assert (first[0][1] == again[0][1]).all()
    assert (again[0][1][np.arange(7)[:, None] >= lengths] == 0).all()
    assert (first[1] == again[1]).all()


def test_only_scored_steps_count_in_the_accuracy():
    u, labels = np.zeros((4, 1, 2)), np.array([[1, 1, 0, 0]])
    u[:2, :, 0] = u[2:, :, 0] = 1.0  # class 0 at every step
    assert Loss("each_step").accuracy(u, labels) == [0.5]
    assert Loss("each_step", scored=[False, True, True, True]).accuracy(u, labels) == pytest.approx(2 / 3)


def test_labels_outside_the_head_are_named():
    with pytest.raises(ValueError, match="label 3 is outside the head, whose outputs are 0 to 2"):
        Loss("last")(np.zeros((2, 1, 3)), np.array([3]))
    with pytest.raises(ValueError, match="readout must be one of last"):
        Loss("first")
    with pytest.raises(ValueError, match="lengths must be 1 numbers between 1 and 2"):
        Loss("last")(np.zeros((2, 1, 3)), np.array([1]), lengths=[3])


@settings(deadline=None, max_examples=20)
@given(st.sampled_from(["last", "mean", "each_step"]), st.booleans(), st.integers(0, 99))
def test_errors_of_the_squared_error_are_its_derivatives(readout, ragged, seed):
    rng = np.random.default_rng(seed)
    u, loss = rng.normal(size=(4, 3, 2)), es.models.losses.SequenceSquaredError(readout)
    targets = rng.normal(size=(3, 4, 2) if readout == "each_step" else (3, 2))
    lengths = rng.integers(1, 5, 3) if ragged else None
    _, errors = loss(u, targets, lengths=lengths)
    for place in np.ndindex(u.shape):
        kept, sides = u[place], []
        for step in (1e-6, -1e-6):
            u[place] = kept + step
            sides.append(loss(u, targets, lengths=lengths)[0].sum())
        u[place] = kept
        assert errors[place] == pytest.approx((sides[0] - sides[1]) / 2e-6, abs=1e-8)


# ---------------------------------------------------------------------- training


def task(n=160):
    """Two classes of spikes: which half of the inputs is more active late in the sequence."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, n)
    rates = np.full((n, 25, 8), 0.1)
    rates[:, 12:, :4] += 0.25 * labels[:, None, None]
    rates[:, 12:, 4:] += 0.25 * (1 - labels)[:, None, None]
    x = (rng.random(rates.shape) < rates).astype(np.float32)
    cut = n * 3 // 4
    return Task("late", 8, 2, {"train": (x[:cut], labels[:cut]), "validation": (x[cut:], labels[cut:])})


def trainer(epochs=4, threads=1, **options):
    model = layers.Sequential(
        [
            layers.Linear(12, bias=False),
            layers.LIF(8.0, train_alpha=True),
            layers.Linear(2),
            layers.LeakyReadout(10.0),
        ],
        threads=threads,
    )
    model.build(8, np.random.default_rng(1))
    made, rates = task(), {"weight": 0.02, "bias": 0.01, "alpha": 0.003}
    learner = layers.LayerLearner(
        model=model,
        optimiser=Adam(rates, weight_decay={"weight": 0.01}),
        task=made,
        loss=Loss("last"),
        **options,
    )
    return Trainer(
        learner,
        Batches(120, 20, shuffled(120)),
        epochs=epochs,
        schedule=StepDecay(2, 0.5),
        early_stopping=EarlyStopping(),
    )


def test_a_spiking_network_learns_through_the_trainer():
    run = trainer(epochs=15).run()
    assert run.history["train_loss"][-1] < 0.5 * run.history["train_loss"][0]
    assert run.early_stopping.best > 0.85
    assert run.learner.measure("validation")["validation_accuracy"] == run.early_stopping.best


@pytest.mark.parametrize("batch", [1, 9])
def test_a_restored_trainer_goes_on_to_the_same_bits(batch):
    states = []
    whole = trainer().run(checkpoint=lambda state: states.append(state()))
    again = trainer(threads=2)
    again.restore(states[batch])
    again.run()
    for name, array in whole.learner.model.state_dict().items():
        assert (array == again.learner.model.state_dict()[name]).all(), name
    assert whole.history == again.history


def test_penalties_and_fixed_parameters_and_constraints_reach_the_step():
    seen = []

    def penalty(model, lengths):
        spikes = model.outputs[1]
        seen.append(spikes.mean())
        return layers.Penalised(
            float(spikes.mean()),
            {1: np.full_like(spikes, 0.5)},
            {"bias/2": np.ones_like(model.parameters["bias/2"])},
        )

    def constraint(model):
        np.clip(model.parameters["weight/0"], -0.1, 0.1, out=model.parameters["weight/0"])

    run = trainer(epochs=1, penalties=[penalty], fixed=["alpha", "weight/2"], constraint=constraint)
    before = run.learner.model.state_dict()
    run.run()
    after = run.learner.model.state_dict()
    assert len(seen) == 6
    assert (before["alpha/1"] == after["alpha/1"]).all()
    assert (before["weight/2"] == after["weight/2"]).all()
    assert np.abs(after["weight/0"]).max() == np.float32(0.1)
    assert run.history["penalty"][0] == pytest.approx(np.mean(seen))


def test_a_loss_that_explodes_stops_training():
    run = trainer()
    run.learner.model.parameters["weight/2"][...] = np.inf
    with pytest.raises(
        FloatingPointError, match=r"the loss is nan in epoch 0, batch 0; lower the learning rate"
    ):
        run.run()


def test_adam_decays_weights_before_its_step_and_may_count_epochs():
    p, g = np.ones(3, np.float32), np.array([1.0, -2.0, 0.5], np.float32)
    one = {"w/0": p.copy(), "b/0": p.copy()}
    Adam(0.1, weight_decay={"w": 0.5}).update(one, {"w/0": g, "b/0": g})
    assert one["w/0"] == pytest.approx(0.95 - 0.1 * np.sign(g), rel=1e-6)
    assert one["b/0"] == pytest.approx(1 - 0.1 * np.sign(g), rel=1e-6)
    published, values = Adam(0.1, counter="epoch"), {"w": np.zeros(1)}
    m = v = w = 0.0
    for epoch in (0, 0, 0, 1, 1):
        published.epoch = epoch
        published.update(values, {"w": np.ones(1)})
        m, v = 0.9 * m + 0.1, 0.999 * v + 0.001
        w -= 0.1 * m / (1 - 0.9 ** (epoch + 1)) / (np.sqrt(v / (1 - 0.999 ** (epoch + 1))) + 1e-8)
        assert values["w"][0] == pytest.approx(w, rel=1e-9)


@pytest.mark.parametrize(
    "made",
    [
        lambda: layers.S4D(8),
        lambda: layers.S4D(8, poles="legs"),
        lambda: layers.DelayConv(3, 9, positions="dilated"),
        lambda: layers.DelayConv(3, 9, positions=[0.5, 2.5, 6.5], kernel="gauss", train_spread=True),
        lambda: layers.MinGRU(),
        lambda: layers.LayerNorm(),
        lambda: layers.LIF(5.0, train_alpha=True, train_threshold=True, smooth=True),
        lambda: layers.RecurrentLIF(5.0, train_alpha=True, smooth=True),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_parameter_learns(made, dtype):
    rng = np.random.default_rng(8)
    model = layers.Sequential([layers.Linear(4), made()])
    model.build(2, rng, dtype)
    before = {name: each.copy() for name, each in model.parameters.items()}
    for _ in range(3):
        y = model.forward(rng.normal(size=(20, 3, 2)).astype(dtype), training=True)
        model.backward(rng.normal(size=y.shape).astype(dtype))
        Adam(0.01).update(model.parameters, model.gradients)
    for name, each in before.items():
        assert each.flags.c_contiguous, name
        assert (model.parameters[name] != each).any(), name
