"""Spiking units with recurrent weights: gradients of torch, differences, streams, threads, bad settings."""

import numpy as np
import pytest

import eventsim as es

layers = es.models.layers


def built(n=5, dtype=np.float64, seed=0, **settings):
    layer = layers.RecurrentLIF(4.0, threshold=0.5, recurrent_range=0.8, **settings)
    layer.build(n, np.random.default_rng(seed), dtype)
    return layer


@pytest.mark.parametrize("surrogate", ["box", "fast_sigmoid", "triangle"])
@pytest.mark.parametrize("n", [1, 5, 300])
def test_spikes_and_gradients_are_those_of_torch(n, surrogate):
    torch = pytest.importorskip("torch")

    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return (x > 0).to(x.dtype)

        @staticmethod
        def backward(ctx, dy):
            (x,) = ctx.saved_tensors
            size = x.abs()
            slope = {
                "box": (size < 0.5).to(x.dtype),
                "triangle": torch.clamp(1 - size, min=0),
                "fast_sigmoid": 1 / (10 * size + 1) ** 2,
            }[surrogate]
            return dy * slope

    rng = np.random.default_rng(1)
    layer = built(n, train_alpha=True, train_threshold=True, surrogate=surrogate)
    layer.parameters["recurrent"] /= max(1, n / 5)
    x, dy = rng.normal(0.1, 0.6, (2, 12, 4, n))
    s = layer.forward(x, training=True)
    assert 0.05 < s.mean() < 0.95
    dx = layer.backward(dy)
    own = {name: torch.tensor(array, requires_grad=True) for name, array in layer.parameters.items()}
    shown = torch.tensor(x, requires_grad=True)
    v = spikes = torch.zeros(4, n, dtype=torch.float64)
    outputs = []
    for t in range(12):
        v = own["alpha"] * v + shown[t] + spikes @ own["recurrent"] - own["threshold"] * spikes
        spikes = Spike.apply(v - own["threshold"])
        outputs.append(spikes)
    y = torch.stack(outputs)
    (y * torch.tensor(dy)).sum().backward()
    assert (s == y.detach().numpy()).all()
    assert dx == pytest.approx(shown.grad.numpy(), rel=1e-9, abs=1e-11)
    for name, array in own.items():
        assert layer.gradients[name] == pytest.approx(array.grad.numpy(), rel=1e-9, abs=1e-10), name


def test_gradients_are_those_of_differences_where_spikes_are_ramps():
    rng = np.random.default_rng(2)
    layer = built(4, train_alpha=True, train_threshold=True, surrogate="fast_sigmoid", smooth=True)
    x, dy = rng.normal(0.1, 0.6, (2, 8, 3, 4))
    layer.forward(x, training=True)
    layer.backward(dy)
    found = {name: array.copy() for name, array in layer.gradients.items()}
    h = 1e-6
    for name, array in layer.parameters.items():
        for place in list(np.ndindex(array.shape))[:6]:
            kept, each = array[place], []
            for moved in (kept + h, kept - h):
                array[place] = moved
                each.append((layer.forward(x) * dy).sum())
            array[place] = kept
            assert found[name][place] == pytest.approx((each[0] - each[1]) / (2 * h), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_streams_and_threads_give_the_same_bits(dtype):
    layer = built(6, dtype)
    x = np.random.default_rng(3).normal(0.2, 0.6, (20, 7, 6)).astype(dtype)
    wanted, state = layer.forward(x).copy(), layer.init_state(7)
    for x_t, y in zip(x, wanted, strict=True):
        found, state = layer.step(x_t, state)
        assert (found == y).all()
    dx = layer.backward(np.ones_like(x)).copy()
    gradients = {name: array.copy() for name, array in layer.gradients.items()}
    layer.threads = 3
    assert (layer.forward(x) == wanted).all()
    assert (layer.backward(np.ones_like(x)) == dx).all()
    assert all((layer.gradients[name] == array).all() for name, array in gradients.items())


def test_without_recurrent_weights_it_is_the_layer_without_them():
    layer = built(6, np.float32)
    layer.parameters["recurrent"][...] = 0
    plain = layers.LIF(4.0, threshold=0.5)
    plain.build(6, np.random.default_rng(0))
    x = np.random.default_rng(4).normal(0.2, 0.6, (20, 7, 6)).astype(np.float32)
    assert (layer.forward(x) == plain.forward(x)).all()


def test_an_estimator_learns_with_it_and_keeps_it_in_a_file(tmp_path):
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 2, 80)
    x = (rng.random((80, 15, 6)) < 0.1 + 0.3 * labels[:, None, None]).astype(np.float32)
    own = [layers.Linear(12, weight_range=0.5), layers.RecurrentLIF(5.0)]
    model = es.models.SequenceClassifier(own, epochs=15, batch=20, progress=False).fit(x, labels)
    assert model.score(x, labels) > 0.9
    model.save(tmp_path / "a.h5")
    assert (
        es.models.SequenceClassifier.load(tmp_path / "a.h5").predict_proba(x) == model.predict_proba(x)
    ).all()
    few = model.quantize(x, bits=8)
    assert few.score(x, labels) > 0.85
    assert model.stream().n == 6
    assert layers.compiled_stream(model.model_, 1) is None
    net = es.Network()
    net.add("x", es.models.SpikeSource(), 6)
    with pytest.raises(ValueError, match="layer 1, RecurrentLIF, cannot be a population"):
        layers.add_spiking_model(net, "model", model.model_, "x", 1.0)


def test_wrong_settings_are_refused_in_one_line():
    with pytest.raises(ValueError, match="recurrent_range must be"):
        layers.RecurrentLIF(recurrent_range=-1.0)
    with pytest.raises(ValueError, match="tau must be positive"):
        layers.RecurrentLIF(-1.0)
