"""A trained spiking model as populations: the spikes of the batch as events, delays, hardware, snapshots."""

import numpy as np
import pytest

import eventsim as es

layers = es.models.layers
DT = 0.1


def spiking_model(convolution):
    rng = np.random.default_rng(4)
    first = (
        layers.TemporalConv(10, 3, dilation=2, weight_range=0.5)
        if convolution
        else layers.Linear(10, weight_range=0.5)
    )
    model = layers.Sequential(
        [
            first,
            layers.BatchNorm(),
            layers.LIF(rng.uniform(0.3, 2, 10), dt=DT),
            layers.Dropout(0.2),
            layers.TemporalConv(8, 2, dilation=3, weight_range=1.0),
            layers.BatchNorm(),
            layers.LIF(1.0, dt=DT, threshold=0.7),
            layers.Linear(3),
            layers.LeakyReadout(0.7, dt=DT),
        ]
    )
    model.build(6, rng, np.float64)
    x = (rng.random((40, 16, 6)) < 0.3).astype(np.float64)
    for _ in range(30):
        model.forward(x, training=True, rng=rng)
    return model, x


def simulation(model, x, **options):
    net = es.Network(time_unit="1")
    net.add("x", es.models.SpikeSource(), 6)
    names = layers.add_spiking_model(net, "model", model, "x", DT)
    sim = es.Simulation(net, dt=DT, **options)
    step, unit = np.nonzero(x[:, 0])
    sim.stimulate("x", DT * (step + 0.5), unit)
    sim.record(names[-1], "v", every=DT)
    return sim, names


@pytest.mark.parametrize("bits", [None, 4])
@pytest.mark.parametrize("convolution", [False, True])
def test_the_spikes_of_the_populations_are_those_of_the_batch(convolution, bits):
    model, x = spiking_model(convolution)
    if bits is not None:
        model = layers.rounded_model(model, layers.RoundingPlan(weights=layers.Quantizer(bits)))
    sim, names = simulation(model, x)
    sim.run_ticks(44)
    u = model.forward(x[:, :1])
    near = min(np.abs(model.layers[k].membrane - np.max(model.layers[k].rows()[1])).min() for k in (2, 6))
    assert near > 1e-9  # rounding decides about no spike
    for lag, (name, place) in enumerate(zip(names, (2, 6), strict=False), start=1):
        step, unit = np.nonzero(model.outputs[place][:, 0])
        found = sim.spikes(name)
        early = found.times < DT * (40 + lag - 0.5)
        assert len(step) > 10
        assert np.rint(found.times[early] / DT).astype(int).tolist() == (step + lag).tolist()
        assert found.units[early].tolist() == unit.tolist()
    v = sim.trace(names[-1], "v").values.reshape(44, 3)
    assert v[:3] == pytest.approx(0.0)
    assert v[3:43] == pytest.approx(u[:, 0], abs=1e-12)


def test_hardware_moves_spikes_between_layers_and_snapshots_go_on_to_the_same_bits():
    model, x = spiking_model(False)
    ideal, names = simulation(model, x)
    ideal.run_ticks(44)
    whole, _ = simulation(model, x, hardware="jitter,sigma=0.05")
    half, _ = simulation(model, x, hardware="jitter,sigma=0.05")
    whole.run_ticks(44)
    half.run_ticks(17)
    again, _ = simulation(model, x, hardware="jitter,sigma=0.05")
    again.restore(half.snapshot())
    again.run_ticks(27)
    assert (again.array(names[-1], "v") == whole.array(names[-1], "v")).all()
    assert (ideal.array(names[-1], "v") != whole.array(names[-1], "v")).any()


def test_a_trained_model_that_drives_neurons_on_a_chip_goes_on_from_a_file_to_the_same_bits(tmp_path):
    rng = np.random.default_rng(7)
    y = rng.integers(0, 2, 60)
    shown = (rng.random((60, 40, 6)) < np.where(y, 0.4, 0.1)[:, None, None]).astype(float)
    own = [layers.Linear(10), layers.BatchNorm(), layers.LIF(1.0, dt=DT)]
    head = [layers.Linear(2), layers.LeakyReadout(0.7, dt=DT)]
    trained = es.models.SequenceClassifier(own, head=head, dt=DT, epochs=4, progress=False).fit(shown, y)
    net = es.Network(time_unit="1", seed=5)
    net.add("x", es.models.SpikeSource(), 6)
    names = layers.add_spiking_model(net, "model", trained.model_, "x", DT)
    net.add("cells", es.models.LIF(tau_mem=1.0, tau_syn=0.5, v_th=0.3), 5)
    net.connect(names[0], "cells", weight=rng.uniform(0, 1, (10, 5)), delay=0.3)

    def simulation(hardware="jitter,sigma=0.05"):
        sim = es.Simulation(net, dt=DT, hardware=hardware)
        step, unit = np.nonzero(shown[y.argmax()])
        sim.stimulate("x", DT * (step + 0.5), unit)
        return sim

    whole, half, again, ideal = simulation(), simulation(), simulation(), simulation(None)
    for sim in (whole, ideal):
        sim.run_ticks(44)
    half.run_ticks(17)
    es.io.save(es.Trace(sizes={}, state=half.snapshot()), tmp_path / "half.h5")
    again.restore(es.io.load(tmp_path / "half.h5").state)
    again.run_ticks(27)
    assert (again.array(names[-1], "v") == whole.array(names[-1], "v")).all()
    for name in (names[0], "cells"):
        spikes, later = whole.spikes(name), again.spikes(name)
        late, found = spikes.times > half.now, later.times > half.now
        assert late.sum() > 5
        assert later.times[found].tolist() == spikes.times[late].tolist()
        assert later.units[found].tolist() == spikes.units[late].tolist()
    assert ideal.spikes("cells").times.tolist() != whole.spikes("cells").times.tolist()


def test_what_cannot_be_populations_is_named():
    net = es.Network()
    net.add("x", es.models.SpikeSource(), 6)
    model = layers.Sequential([layers.Linear(4), layers.GELU(), layers.LIF()])
    model.build(6, np.random.default_rng(0))
    with pytest.raises(ValueError, match="layer 1, GELU, cannot be a population"):
        layers.add_spiking_model(net, "a", model, "x", 1.0)
    model = layers.Sequential([layers.Linear(4)])
    model.build(5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="'x' has 6 units, the model 5 inputs"):
        layers.add_spiking_model(net, "b", model, "x", 1.0)
    with pytest.raises(ValueError, match=r"constant_input of 'c' must have shape \(2,\), got \(\)"):
        net.add("c", layers.TickLIF(np.ones(2), np.ones(2), 0.0), 2)
