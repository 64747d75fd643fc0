"""Products of matrices: a value has the same bits however many columns stand beside it.

Few columns are multiplied with narrow vectors, many with the widest ones of the processor.
"""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.plasticity import ErrorTimesRate


def trained(n_post, n_pre, batch, dtype):
    """Return outputs and weights of the first three of `n_post` linear neurons after some learning."""
    rng = np.random.default_rng(n_pre)
    weight = rng.normal(size=(n_pre, 90))
    target = rng.normal(size=(batch, 90))
    net = es.Network(seed=0)
    net.add("x", es.models.RateInput(), n_pre)
    net.add("y", es.models.LatentEquilibrium(activation="linear"), n_post)
    net.connect("x", "y", weight=weight[:, :n_post], bias=0.0)
    net.add_plasticity("x->y", ErrorTimesRate(learning_rate=0.1))
    sim = es.Simulation(net, dt=0.1, batch=batch, dtype=dtype)
    sim.set_input("x", rng.normal(size=(6, batch, n_pre)), every=0.1)
    sim.nudge("y", target[:, :n_post], 0.1)
    sim.run_ticks(6)
    return sim.array("y")[:, :3], sim.weights("x->y")[:, :3]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch", [3, 32, 100])
def test_columns_beside_a_value_do_not_change_its_bits(batch, dtype):
    few = trained(3, 3, batch, dtype)
    assert np.abs(few[0]).max() > 0
    for n_post in (7, 8, 16, 17, 24, 48, 90):
        many = trained(n_post, 3, batch, dtype)
        for ours, theirs in zip(few, many, strict=True):
            assert ours.tobytes() == theirs.tobytes()
