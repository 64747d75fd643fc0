"""Fisher information and penalties: loops over samples, finite differences, recursions written out."""

import numpy as np
import pytest

from eventsim.models.growth import EWC, SynapticIntelligence, fisher_diagonal, insert_units, perceptron
from eventsim.models.layers import Linear, Sequential
from eventsim.models.training.losses.sequences import SequenceCrossEntropy


def small():
    rng = np.random.default_rng(5)
    model = perceptron(7, (6, 5), 3, np.random.default_rng(1), np.float64)
    return model, rng.normal(size=(1, 20, 7)), rng.integers(0, 3, 20)


def cross_entropy(weights, x, label):
    """Return -ln p(label | x) of one sample, written out."""
    h = x
    for weight in weights[:-1]:
        h = np.maximum(h @ weight, 0)
    logits = h @ weights[-1]
    return np.log(np.exp(logits - logits.max()).sum()) + logits.max() - logits[label]


def differences(function, array, step=1e-6):
    found = np.empty_like(array)
    for place in np.ndindex(array.shape):
        value = array[place]
        array[place] = value + step
        high = function()
        array[place] = value - step
        found[place] = (high - function()) / (2 * step)
        array[place] = value
    return found


def of_one_sample(model, x, label):
    y = model.forward(x[None, None], training=True)
    model.backward(SequenceCrossEntropy()(y, np.array([label]))[1])
    return {name: array.copy() for name, array in model.gradients.items()}


def test_the_cross_entropy_gradient_is_that_of_finite_differences():
    model, x, labels = small()
    weights = list(model.parameters.values())
    gradient = of_one_sample(model, x[0, 0], labels[0])
    for name, array in model.parameters.items():
        expected = differences(lambda: cross_entropy(weights, x[0, 0], labels[0]), array)
        assert np.abs(gradient[name] - expected).max() < 1e-6


def test_the_fisher_information_is_the_mean_of_squared_gradients_of_samples():
    model, x, labels = small()
    each = [of_one_sample(model, x[0, k], labels[k]) for k in range(20)]
    found = fisher_diagonal(model, x, labels)
    for name in model.parameters:
        assert np.abs(found[name] - np.mean([one[name] ** 2 for one in each], axis=0)).max() < 1e-12


def test_by_batches_it_is_the_mean_of_squared_mean_gradients():
    model, x, labels = small()
    each = [of_one_sample(model, x[0, k], labels[k]) for k in range(20)]
    found = fisher_diagonal(model, x, labels, "batch", batch=8)
    for name in model.parameters:
        batches = [each[0:8], each[8:16], each[16:20]]
        squares = [np.mean([one[name] for one in batch], axis=0) ** 2 for batch in batches]
        assert np.abs(found[name] - np.average(squares, axis=0, weights=[8, 8, 4])).max() < 1e-12


def test_no_samples_are_refused():
    model, x, labels = small()
    with pytest.raises(ValueError, match="needs at least one sample, got none"):
        fisher_diagonal(model, x[:, :0], labels[:0])


@pytest.mark.parametrize("form", ["sum", "ema", "per_task"])
def test_penalties_of_all_forms_are_those_written_out(form):
    (model, _, _), rng = small(), np.random.default_rng(6)
    ewc, terms = EWC(50.0, form, 0.9), []
    for _ in range(3):
        fisher = {name: rng.random(array.shape) for name, array in model.parameters.items()}
        ewc.end_task(model, fisher)
        terms.append((fisher, {name: array.copy() for name, array in model.parameters.items()}))
        for array in model.parameters.values():
            array += rng.normal(0, 0.1, array.shape)
    weights = {"sum": (0.81, 0.9, 1.0), "ema": (0.81, 0.09, 0.1), "per_task": (1, 1, 1)}[form]

    def expected():
        total = 0.0
        for share, (fisher, anchor) in zip(weights, terms, strict=True):
            held = anchor if form == "per_task" else terms[-1][1]
            total += share * sum(
                (fisher[name] * (array - held[name]) ** 2).sum() for name, array in model.parameters.items()
            )
        return 25.0 * total

    found = ewc(model)
    assert found.loss == pytest.approx(expected(), rel=1e-12)
    for name, array in model.parameters.items():
        assert np.abs(found.parameters[name] - differences(expected, array)).max() < 1e-6
    divisor = 1 if form == "ema" else 3
    name = next(iter(model.parameters))
    total = sum(share * fisher[name] for share, (fisher, _) in zip(weights, terms, strict=True))
    assert np.allclose(ewc.importance(name), total / divisor, rtol=1e-12)


@pytest.mark.parametrize("kind", [EWC, SynapticIntelligence])
def test_inserted_weights_are_unconstrained(kind):
    model, _, _ = small()
    each = kind(1.0)
    ones = {name: np.ones_like(array) for name, array in model.parameters.items()}
    each.begin_task(model)
    each.end_task(model, ones)
    if kind is SynapticIntelligence:
        each.importance = ones
    columns, rows = insert_units(model, 0, np.random.default_rng(7).normal(size=(7, 2)))
    each.insert(columns, 6, 1, model.parameters[columns][:, 6:])
    each.insert(rows, 6, 0, model.parameters[rows][6:])
    assert each(model).loss == 0
    model.parameters[columns][:, 6:] += 1.0
    model.parameters[rows][6:] += 1.0
    found = each(model)
    assert found.loss == 0
    assert all((gradient == 0).all() for gradient in found.parameters.values())
    model.parameters[columns][:, :6] += 1.0
    assert each(model).loss > 0


def test_the_path_integral_of_small_steps_is_the_fall_of_the_loss():
    """Along a fine path the sum of -g dtheta over all weights is the fall; one layer has no kink."""
    _, x, labels = small()
    model = Sequential([Linear(3, bias=False)])
    model.build(7, np.random.default_rng(1), np.float64)
    intelligence, weights = SynapticIntelligence(1.0, 1e-3), list(model.parameters.values())

    def loss():
        return np.mean([cross_entropy(weights, x[0, k], labels[k]) for k in range(20)])

    start, start_loss = [array.copy() for array in weights], loss()
    intelligence.begin_task(model)
    for _ in range(400):
        y = model.forward(x, training=True)
        model.backward(SequenceCrossEntropy()(y, labels)[1] / 20)
        for name, array in model.parameters.items():
            array -= 2e-3 * model.gradients[name]
        intelligence.after_step(model)
    path = {name: array.copy() for name, array in intelligence.path.items()}
    fallen = start_loss - loss()
    assert fallen > 0.05
    assert sum(array.sum() for array in path.values()) == pytest.approx(fallen, rel=2e-3)
    intelligence.end_task(model, {})
    for (name, array), before in zip(model.parameters.items(), start, strict=True):
        expected = np.maximum(path[name], 0) / ((array - before) ** 2 + 1e-3)
        assert np.allclose(intelligence.importance[name], expected, rtol=1e-12)
    weights[0][...] += 0.1
    assert intelligence(model).loss == pytest.approx(0.01 * intelligence.importance["weight/0"].sum())


@pytest.mark.parametrize("setting", [{"strength": -1.0}, {"form": "mean"}, {"decay": 1.5}])
def test_wrong_settings_are_named(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        EWC(**{"strength": 1.0} | setting)
