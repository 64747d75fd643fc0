"""What is recorded has no effect on what happens: spikes have the same bits with recordings and without."""

import numpy as np
import pytest

import eventsim as es


def network(seed):
    """Return a random recurrent network that the windows schedule takes, with private and common sources."""
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    tau_syn = rng.uniform(2.0, 8.0)
    kind = rng.integers(5)
    n = int(rng.integers(5, 40))
    options = {
        "tau_mem": tau_syn * rng.choice([1.0, 2.0, 1.05, 0.6, 3.3]),
        "tau_syn": tau_syn,
        "t_ref": rng.choice([0.0, 0.5, 3.0]),
        "v_reset": rng.choice([0.0, -0.4]),
        "v_th": rng.uniform(0.8, 1.2, n) if rng.random() < 0.3 else 1.0,
        "i_ext": rng.choice([0.0, 0.0, 1.1 / tau_syn]),
    }
    if kind == 0:
        del options["tau_syn"]
        model = es.models.LIFDelta(**options)
    else:
        model = es.models.LIF(**options, first_spike_only=bool(kind == 1 and rng.random() < 0.3))
    strength = 0.12 if kind == 0 else 0.5 / tau_syn
    net.add("private", es.models.Poisson(rate=rng.uniform(600.0, 1500.0)), n, record_spikes=False)
    net.add("common", es.models.Poisson(rate=rng.uniform(10.0, 200.0)), 6)
    net.add("cells", model, n)
    net.connect("private", "cells", es.connect.one_to_one(), weight=strength, delay=rng.uniform(0.1, 2.0))
    weight = strength * rng.normal(0.5, 0.5, (6, n))
    net.connect("common", "cells", weight=weight, delay=rng.uniform(0.5, 3.0))
    net.connect(
        "cells",
        "cells",
        es.connect.fixed_probability(0.3),
        weight=strength * rng.choice([-0.5, 0.2]),
        delay=es.connect.uniform(0.8, 2.5),
    )
    return net, n


@pytest.mark.parametrize("schedule", ["windows", "ordered"])
@pytest.mark.parametrize("seed", range(30))
def test_a_recording_on_a_grid_changes_no_spike(seed, schedule):
    rng = np.random.default_rng(1000 + seed)
    net, n = network(seed)
    plain, watched = es.Simulation(net, schedule=schedule), es.Simulation(net, schedule=schedule)
    every = float(rng.choice([0.1, 0.35, 1.0, 7.0]))
    watched.record("cells", "v", every=every, units=None if seed % 2 else sorted({0, n // 2, n - 1}))
    if seed % 3 == 0 and "i_syn" in net.populations["cells"].model.variables:
        watched.record("cells", "i_syn", every=0.5)
    plain.run(100.0)
    for end in (*np.sort(rng.uniform(0.0, 100.0, 5)), 100.0):
        watched.run(end)
    a, b = plain.spikes("cells"), watched.spikes("cells")
    assert len(a) > 0
    assert np.array_equal(a.units, b.units)
    assert np.array_equal(a.times, b.times)  # to the bit
    assert len(watched.trace("cells", "v").times) == len(np.arange(0.0, 100.0, every))


@pytest.mark.parametrize("seed", range(30))
def test_what_is_recorded_is_what_the_ordered_schedule_sees(seed):
    net, _ = network(seed)
    values = {}
    for schedule in ("windows", "ordered"):
        sim = es.Simulation(net, schedule=schedule)
        sim.record("cells", "v", every=0.37)
        sim.run(20.0)
        values[schedule] = sim.trace("cells", "v").values
    close = np.isclose(values["windows"], values["ordered"], rtol=0.0, atol=1e-9)
    assert close.mean() > 0.999  # a sample may fall between two spike times that differ by rounding
    assert close[:20].all()
