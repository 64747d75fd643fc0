"""Spiking layers count while they run: to the numbers of arrays that are counted afterwards."""

import numpy as np
import pytest

from eventsim.io.neurobench import Dense, Workload
from eventsim.models import layers
from eventsim.models.layers import Quantizer, Residual, Rounding, Sequential
from eventsim.models.neurobench import SequenceModel


def summed(y, *, lengths=None):
    return y.sum(axis=0).argmax(axis=-1)


def spikes(n, steps, channels, seed=3):
    return (np.random.default_rng(seed).random((n, steps, channels)) < 0.3).astype(np.float32)


def written_out(model, x):
    """Return spikes, changes of membranes and effective operations of every layer, by loops over arrays."""
    found, x = {}, np.moveaxis(x, 1, 0).astype(model.dtype)
    for place, layer in enumerate(model.layers):
        y = layer.forward(np.ascontiguousarray(x))
        if isinstance(layer, layers.Linear):
            fan_out = (layer.parameters["weight"] != 0).sum(axis=1)
            found[place] = int(((x != 0) * fan_out).sum())
        elif isinstance(layer, layers.LIF):
            v = layer.membrane
            found[place] = int((y == 0).sum()), v[0].size + int((v[1:] != v[:-1]).sum())
            if isinstance(layer, layers.RecurrentLIF):
                fan_out = (layer.parameters["recurrent"] != 0).sum(axis=1)
                found["recurrent"] = int(((y[:-1] != 0) * fan_out).sum())
        x = y.copy()
    return found


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "batch", "steps"), [(3, 5, 7), (32, 64, 20), (300, 9, 4), (17, 1, 1)])
@pytest.mark.parametrize("threads", [1, 2])
def test_counts_of_a_layer_are_those_of_its_arrays(dtype, n, batch, steps, threads):
    model = Sequential([layers.Linear(n), layers.LIF(threshold=0.2), layers.Linear(4)], threads=threads)
    model.build(6, np.random.default_rng(1), dtype)
    model.layers[0].parameters["weight"][::2, 0] = 0
    x = spikes(batch, steps, 6)
    x[:, steps // 2 :] = 0  # membranes fall to where they no longer change, or nearly
    workload = Workload(model.connections())
    SequenceModel(model, summed).infer(x, workload)
    workload.end_batch(batch)
    wanted = written_out(model, x)
    zeros, updates = wanted[1]
    assert workload.macs + workload.acs == wanted[0] + wanted[2]
    assert workload.macs == 0
    assert workload.updates == updates
    assert workload.results()["ActivationSparsity"] == zeros / (n * batch * steps)
    assert workload.dense == batch * steps * (6 * n + n * 4)
    assert not model.layers[1].counting


def test_rounded_membranes_and_smooth_spikes_count_too():
    for settings in ({"smooth": True}, {}):
        model = Sequential([layers.Linear(40), layers.LIF(threshold=0.2, **settings), layers.Linear(4)])
        model.build(6, np.random.default_rng(1))
        if not settings:
            model.layers[1] = calibrated(model.layers[1], model.layers[0])
            model.adopt()
        x = spikes(11, 13, 6)
        workload = Workload(model.connections())
        SequenceModel(model, summed).infer(x, workload)
        workload.end_batch(11)
        wanted = written_out(model, x)
        assert workload.updates == wanted[1][1]
        assert workload.macs + workload.acs == wanted[0] + wanted[2]
        assert (workload.macs > 0) == bool(settings)  # smooth spikes are numbers


def calibrated(lif, linear):
    """Return a layer whose membranes are rounded to few values."""
    rounded = layers.LIF(threshold=0.2, rounding=Rounding(state=Quantizer(bits=4)))
    rounded.build(lif.n_in, np.random.default_rng(1))
    rounded.observing = True
    rounded.forward(linear.forward(np.moveaxis(spikes(11, 13, 6), 1, 0).copy()))
    rounded.calibrate()
    return rounded


def test_recurrent_weights_are_a_connection_that_reads_the_spikes_of_the_step_before():
    model = Sequential([layers.Linear(12), layers.RecurrentLIF(threshold=0.2), layers.Linear(4)])
    model.build(6, np.random.default_rng(1))
    model.layers[1].parameters["recurrent"][0] = 0
    x = spikes(5, 9, 6)
    workload = Workload(model.connections())
    SequenceModel(model, summed).infer(x, workload)
    workload.end_batch(5)
    wanted = written_out(model, x)
    assert wanted["recurrent"] > 0
    assert workload.acs == wanted[0] + wanted["recurrent"] + wanted[2]
    assert workload.dense == 5 * 9 * (6 * 12 + 12 * 12 + 12 * 4)
    assert workload.updates == wanted[1][1]


def test_convolutions_over_time_still_see_every_step():
    """Their input is a whole sequence, so a sum over steps is not enough."""
    model = Sequential([layers.Linear(8), layers.LIF(threshold=0.2), layers.TemporalConv(5, 3)])
    model.build(6, np.random.default_rng(1))
    x = spikes(4, 10, 6)
    counted, plain = (Workload(model.connections()) for _ in range(2))
    SequenceModel(model, summed).infer(x, counted)
    turned = np.ascontiguousarray(np.moveaxis(x, 1, 0))
    y = model.forward(turned)
    model.report(plain, "", turned, y)  # from arrays: nothing was counted on the way
    for workload in (counted, plain):
        workload.end_batch(4)
    assert counted.results() == plain.results()


def test_layers_in_residuals_are_reported_under_their_own_names():
    inner = [layers.Linear(6), layers.LIF(threshold=0.2), layers.Linear(6)]
    model = Sequential([layers.Linear(6), Residual(inner), layers.Linear(3)])
    model.build(6, np.random.default_rng(1))
    x = spikes(4, 10, 6)
    at_once, after = (Workload(model.connections()) for _ in range(2))
    SequenceModel(model, summed).infer(x, at_once)
    turned = np.ascontiguousarray(np.moveaxis(x, 1, 0))
    y = model.forward(turned).copy()
    model.report(after, "", turned, y)
    for workload in (at_once, after):
        workload.end_batch(4)
    assert at_once.results() == after.results()
    assert list(at_once.results()["ActivationSparsityByLayer"]) == ["1/1"]
    again = Workload(model.connections())
    assert np.array_equal(model.forward_reported(turned, again), y)


def test_counts_of_another_size_are_refused():
    workload = Workload({"map": Dense(np.ones((3, 2)))})
    with pytest.raises(ValueError, match=r"spikes of 3 units must have the shape \(3,\), got shape \(2,\)"):
        workload.spikes_of(np.zeros((4, 5, 3)), [1, 2])
