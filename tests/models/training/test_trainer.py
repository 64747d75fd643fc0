"""The training loop: what is called when, schedules, early stopping, and going on from any batch."""

import math
from contextlib import contextmanager

import numpy as np
import pytest

from eventsim import rng as streams
from eventsim.models.training.batches import Batches, balanced, shuffled
from eventsim.models.training.early_stopping import EarlyStopping
from eventsim.models.training.learner import BatchMetrics
from eventsim.models.training.schedules import CosineDecay, Plateau, StepDecay
from eventsim.models.training.trainer import Callback, Trainer

N, SIZE = 23, 5


def rng(*names):
    return streams.stream(7, *names)


class Line:
    """A learner: fits y = 2 x by gradient steps, and notes the factors of its learning rate."""

    def __init__(self):
        x = rng("data").normal(size=N)
        self.x, self.y, self.w, self.velocity, self.factor = x, 2 * x, np.zeros(1), np.zeros(1), 1.0
        self.factors, self.seen, self.validation = [], [], None

    def step(self, batch):
        x, y = self.x[batch.samples], self.y[batch.samples]
        error = self.w[0] * x - y
        self.velocity = 0.9 * self.velocity - 0.02 * self.factor * (error * x).mean()
        self.w = self.w + self.velocity
        self.factors.append(self.factor)
        self.seen.append((batch.number, batch.epoch, batch.place))
        return BatchMetrics(len(x), {"train_loss": 0.5 * (error**2).sum()}, {"steps": 1})

    def evaluate(self, epoch):
        value = abs(self.w[0] - 2) if self.validation is None else self.validation[epoch]
        return {"validation_error": value}

    def scale_learning_rates(self, factor):
        self.factor = factor

    def state(self):
        return {"w": self.w.copy(), "velocity": self.velocity.copy()}

    def restore(self, state):
        self.w, self.velocity = np.array(state["w"]), np.array(state["velocity"])


def trainer(learner=None, epochs=4, **options):
    return Trainer(learner or Line(), Batches(N, SIZE, shuffled(N, rng)), epochs=epochs, **options)


def test_batches_hold_every_sample_once_an_epoch_in_another_order():
    batches = Batches(N, SIZE, shuffled(N, rng))
    epochs = [np.concatenate([batches[5 * e + k].samples for k in range(5)]) for e in range(2)]
    assert len(batches) == 5
    assert all((np.sort(order) == np.arange(N)).all() for order in epochs)
    assert (epochs[0] != epochs[1]).any()
    assert [len(batches[k].samples) for k in range(5)] == [5, 5, 5, 5, 3]
    assert (batches[6].samples == Batches(N, SIZE, shuffled(N, rng))[6].samples).all()  # by its number alone


@pytest.mark.parametrize(
    ("rest", "sizes"), [("keep", [5] * 4 + [3]), ("drop", [5] * 4), ("even", [4, 5, 4, 5, 5])]
)
def test_the_samples_that_are_left_over(rest, sizes):
    batches = Batches(N, SIZE, rest=rest)
    assert [len(batches[k].samples) for k in range(len(batches))] == sizes
    assert (batches[0].samples == np.arange(sizes[0])).all()


def test_several_networks_may_have_orders_of_their_own():
    batches = Batches(6, 4, lambda epoch: np.stack([np.arange(6), np.arange(6)[::-1]]))
    assert batches[0].samples.tolist() == [[0, 1, 2, 3], [5, 4, 3, 2]]
    assert batches[1].samples.tolist() == [[4, 5], [1, 0]]


@pytest.mark.parametrize("counts", [(40, 40, 40), (7, 60, 53)])
def test_in_a_balanced_order_every_batch_has_its_share_of_every_class(counts):
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(3), counts))
    order = balanced(labels, rng)
    for epoch in (0, 1):
        assert (np.sort(order(epoch)) == np.arange(120)).all()
        for start in range(0, 120, 12):
            shares = np.bincount(labels[order(epoch)[start : start + 12]], minlength=3)
            assert (np.abs(shares - np.array(counts) / 10) <= 1).all()
    assert (order(0) != order(1)).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 5), "n_samples of batches must be a whole number, at least 1, got 0"),
        ((5, 0), "size of batches must be a whole number, at least 1, got 0"),
        ((5, 6), "batches of 6 need as many training samples, got 5"),
    ],
)
def test_impossible_batches_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Batches(*arguments, rest="drop")


def test_the_metrics_of_an_epoch_are_means_over_its_samples():
    learner = Line()
    one = trainer(learner, epochs=2)
    expected, w, velocity = [], 0.0, 0.0
    for epoch in range(2):
        losses = []
        for k in range(5):
            x = learner.x[one.batches[5 * epoch + k].samples]
            losses.append(0.5 * ((w - 2) * x) ** 2)
            velocity = 0.9 * velocity - 0.02 * ((w - 2) * x * x).mean()
            w += velocity
        expected.append(np.concatenate(losses).mean())
    one.run()
    assert one.history["train_loss"] == pytest.approx(expected)
    assert one.history["steps"] == [5, 5]
    assert one.history["validation_error"][-1] == pytest.approx(abs(w - 2))
    assert learner.seen[6] == (6, 1, 1)
    assert one.finished


class Skipping(Line):
    """Leaves the loss of some batches out of the mean, as a learner does that took no gradient step."""

    skipped = (1, 4, 5, 6, 7, 8, 9)  # of ten batches; none of the second epoch is left

    def step(self, batch):
        metrics = super().step(batch)
        if batch.number not in self.skipped:
            return metrics
        return metrics._replace(sums={"train_loss": 0.0}, left_out={"train_loss": len(batch.samples)})


def test_the_mean_of_an_epoch_leaves_out_what_a_batch_says():
    learner = Skipping()
    one = trainer(learner, epochs=2)
    losses = []
    while not one.finished:
        samples, w = one.batches[one.done].samples, learner.w[0]
        if one.done not in Skipping.skipped:
            losses.append(0.5 * ((w - 2) * learner.x[samples]) ** 2)
        one.advance()
    mean, nothing = one.history["train_loss"]
    assert mean == pytest.approx(np.concatenate(losses).mean())
    assert math.isnan(nothing)
    assert one.history["steps"] == [5, 5]  # other metrics count every batch

    again = trainer(Skipping(), epochs=2)
    while again.done < 3:  # after the first batch that is left out
        again.advance()
    resumed = trainer(Skipping(), epochs=2)
    resumed.restore(again.state())
    assert resumed.run().history["train_loss"][0] == mean


@pytest.mark.parametrize("schedule", [None, "plateau", "cosine"])
def test_a_restored_trainer_goes_on_to_the_same_bits_from_any_batch(schedule):
    def made():
        by = {"plateau": Plateau(0, 0.5), "cosine": CosineDecay(4), None: None}[schedule]
        stopping = EarlyStopping(metric="validation_error", mode="min")
        return trainer(schedule=by, schedule_by="batch", early_stopping=stopping)

    states = []
    whole = made().run(checkpoint=lambda state: states.append(state()))
    assert len(states) == whole.total == 20
    for k, state in enumerate(states):
        again = made()
        again.restore(state)
        assert again.done == k
        again.run()
        assert again.learner.w == whole.learner.w
        assert again.history == whole.history
        assert again.early_stopping.best_epoch == whole.early_stopping.best_epoch


def test_a_checkpoint_that_stops_the_run_leaves_a_state_to_go_on_from():
    class Stop(Exception):
        pass

    kept = []

    def checkpoint(state):
        kept[:] = [state()]
        if kept[0]["epoch"] == 1 and kept[0]["batch"] == 3:
            raise Stop

    stopped, whole = trainer(), trainer().run()
    with pytest.raises(Stop):
        stopped.run(checkpoint=checkpoint)
    assert stopped.done == 8
    again = trainer()
    again.restore(kept[0])
    assert again.run().learner.w == whole.learner.w


class Recorder(Callback):
    def __init__(self, name, events, stop_at=None):
        self.name, self.events, self.stop_at = name, events, stop_at

    def on_batch_end(self, trainer, metrics):
        self.events.append((self.name, "batch", trainer.done, sorted(metrics)))

    def on_epoch_end(self, trainer, metrics):
        self.events.append((self.name, "epoch", trainer.epoch, sorted(metrics)))
        return trainer.epoch == self.stop_at


def test_callbacks_are_called_in_their_order_after_each_batch_and_after_each_epoch():
    events = []
    trainer(epochs=1, callbacks=[Recorder("a", events), Recorder("b", events)]).run()
    batch, epoch = ["steps", "train_loss"], ["steps", "train_loss", "validation_error"]
    expected = [(name, "batch", k, batch) for k in (1, 2, 3, 4, 5) for name in "ab"]
    assert events == [*expected, ("a", "epoch", 1, epoch), ("b", "epoch", 1, epoch)]


def test_a_callback_ends_training_by_returning_true_and_all_others_are_called():
    events = []
    one = trainer(callbacks=[Recorder("a", events, stop_at=2), Recorder("b", events)]).run()
    assert one.stopped
    assert one.epoch == 2
    assert [e[:3] for e in events if e[1] == "epoch"] == [
        (
            name,
            "epoch",
            k,
        )
        for k in (1, 2)
        for name in "ab"
    ]
    with pytest.raises(RuntimeError, match="training ended after 2 epochs"):
        one.advance()


def test_a_plain_function_is_called_at_the_end_of_each_epoch():
    losses = []
    trainer(callbacks=[lambda trainer, metrics: losses.append((trainer.epoch, metrics["train_loss"]))]).run()
    assert [epoch for epoch, _ in losses] == [1, 2, 3, 4]


class StopAtBatch(Callback):
    def on_batch_end(self, trainer, metrics):
        return trainer.done == 7


def test_a_callback_may_end_training_within_an_epoch():
    one = trainer(callbacks=[StopAtBatch()]).run()
    assert len(one.learner.seen) == 7
    assert one.history["steps"] == [5, 2]  # what is left of the epoch is evaluated


@pytest.mark.parametrize(
    ("by", "expected"),
    [("epoch", [0.75] * 5), ("batch", [0.5 + 0.5 * math.cos(math.pi * (1 + k / 5) / 3) for k in range(5)])],
)
def test_a_schedule_sets_the_rates_by_epoch_or_by_batch(by, expected):
    learner = Line()
    trainer(learner, epochs=2, schedule=CosineDecay(3), schedule_by=by).run()
    assert learner.factors[5:] == pytest.approx(expected)
    learner = Line()
    trainer(learner, epochs=4, schedule=StepDecay(2, 0.1)).run()
    assert learner.factors == pytest.approx([1.0] * 10 + [0.1] * 10)
    learner = Line()
    trainer(learner, epochs=2, schedule=lambda epoch: 1 / (1 + epoch)).run()
    assert learner.factors == [1.0] * 5 + [0.5] * 5


def test_a_plateau_follows_the_metrics_of_epochs():
    learner = Line()
    learner.validation = [1.0, 0.5, 0.6, 0.7, 0.4, 0.4]
    trainer(learner, epochs=6, schedule=Plateau(1, 0.5, loss="validation_error")).run()
    assert learner.factors[::5] == [1, 1, 1, 1, 0.5, 0.5]


def test_early_stopping_waits_as_long_as_it_has_patience_and_goes_back_to_the_best_epoch():
    learner, weights = Line(), []
    learner.validation = [0.5, 0.4, 0.6, 0.45, 0.3, 0.2]
    stopping = EarlyStopping(patience=2, metric="validation_error", mode="min")
    one = trainer(
        learner, 6, early_stopping=stopping, callbacks=[lambda t, m: weights.append(t.learner.w.copy())]
    ).run()
    assert one.epoch == 4
    assert stopping.best_epoch == 1
    assert stopping.best == 0.4
    assert learner.w == weights[1]
    assert learner.w != weights[3]


def test_with_infinite_patience_the_best_epoch_counts_at_the_end():
    learner, weights = Line(), []
    learner.validation = [0.2, 0.9, math.nan, 0.9, 0.1]
    stopping = EarlyStopping(metric="validation_error")
    one = trainer(
        learner, 5, early_stopping=stopping, callbacks=[lambda t, m: weights.append(t.learner.w.copy())]
    ).run()
    assert one.epoch == 5
    assert stopping.best_epoch == 1  # the first of two equal ones
    assert learner.w == weights[1]


def test_early_stopping_needs_its_metric():
    with pytest.raises(
        ValueError, match=r"no metric is named 'validation_accuracy'; an epoch has: train_loss"
    ):
        trainer(early_stopping=EarlyStopping()).run()
    with pytest.raises(ValueError, match=r"patience must be"):
        EarlyStopping(patience=0)
    with pytest.raises(ValueError, match=r"mode must be 'max' or 'min', got 'low'"):
        EarlyStopping(mode="low")


def test_logs_and_progress_are_handed_in():
    logged, shown = [], []

    class Bar:
        def update(self, n, **metrics):
            shown.append((n, sorted(metrics)))

    @contextmanager
    def progress(total, unit, done):
        shown.append((total, unit, done))
        yield Bar()

    one = trainer(epochs=2)
    one.advance()
    one.run(log=lambda name, value: logged.append((name, value)), progress=progress)
    assert shown[0] == (10, "batch", 1)
    assert sum(n for n, _ in shown[1:]) == 9  # a slow machine may show some within an epoch
    assert [metrics for _, metrics in shown[1:] if metrics] == [["loss"]] * 2
    assert logged == [(name, one.history[name][epoch]) for epoch in (0, 1) for name in one.history]


def test_no_epochs_are_no_training():
    one = trainer(epochs=0).run(checkpoint=lambda state: pytest.fail("nothing to keep"))
    assert one.finished
    assert one.history == {}
    with pytest.raises(ValueError, match="epochs must be at least 0, got -1"):
        trainer(epochs=-1)
    with pytest.raises(ValueError, match="schedule_by must be 'epoch' or 'batch', got 'step'"):
        trainer(schedule_by="step")
