"""A network that is loaded for every batch: what did not change is not made again, and what did is."""

from dataclasses import dataclass

import numpy as np
import pytest

import eventsim as es
from eventsim.hardware.chips.brainscales2 import BrainScaleS2
from eventsim.kernels import draws


def network(v_th=1.0):
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(), 3)
    net.add("cells", es.models.LIF(v_th=v_th, first_spike_only=True), 4)
    net.connect("input", "cells", weight=np.full((3, 4), 0.4))
    return net


def test_neurons_that_did_not_change_are_the_ones_written_before():
    net = network()
    prepared = BrainScaleS2(device_seed=1).prepared(net)
    first = prepared.written(net)[0].populations["cells"]
    assert (
        prepared.written(net.with_parameters(projections={"input->cells": {"weight": 0.7}}))[0].populations[
            "cells"
        ]
        is first
    )
    assert np.array_equal(
        first.model.v_th,
        BrainScaleS2(device_seed=1).prepared(net).written(net)[0].populations["cells"].model.v_th,
    )


@pytest.mark.parametrize("changed", [{"v_th": 2.0}, {"tau_mem": 2.0}, {"t_ref": 1.0}])
def test_neurons_that_changed_are_made_anew(changed):
    net = network()
    chip = BrainScaleS2(device_seed=1)
    prepared = chip.prepared(net)
    prepared.written(net)
    other = net.with_parameters({"cells": changed})
    found = prepared.written(other)[0].populations["cells"].model
    anew = chip.prepared(other).written(other)[0].populations["cells"].model
    for key in ("v_th", *changed):
        assert np.array_equal(getattr(found, key), getattr(anew, key))


def test_models_that_can_change_are_made_anew():
    @dataclass
    class Loose:
        v_th: object = 1.0
        v_leak: object = 0.0
        tau_syn: float = 1.0
        other: float = 0.0
        variables = ()
        is_source = False

    net = es.Network(seed=1)
    model = Loose()
    net.add("cells", model, 4)
    prepared = es.hardware.Substrate([es.hardware.Mismatch("v_th", 0.1)]).prepared(net)
    prepared.written(net)
    model.other = 5.0
    assert prepared.written(net)[0].populations["cells"].model.other == 5.0


def test_thresholds_that_do_not_fit_are_refused_at_every_batch():
    net = network()
    prepared = BrainScaleS2(device_seed=1).prepared(net)
    prepared.written(net)
    cells = net.populations["cells"]
    net.populations["cells"] = es.network.Population("cells", es.models.LIF(v_th=-1.0), cells.n)
    with pytest.raises(ValueError, match="must be below v_th"):
        prepared.written(net)


def test_lateness_is_that_of_whole_arrays():
    rng = np.random.default_rng(1)
    keys = rng.integers(0, 2**63, (50, 7)).astype(np.uint64)
    mean, deviation = rng.normal(0.0, 0.5, 7), rng.uniform(0.0, 1.0, 7)
    late, below = draws.lateness(keys, mean, deviation)
    expected = mean + deviation * draws.normals(keys)
    assert below.any()
    assert not below.all()
    assert np.array_equal(below, expected < 0)
    assert np.array_equal(late, np.where(expected < 0, 0.0, expected))
    with pytest.raises(ValueError, match="keys have shape"):
        draws.lateness(keys, mean[:3], deviation)


def test_spikes_that_are_lost_or_early_are_counted_as_by_whole_arrays():
    rng = np.random.default_rng(2)
    times, late = rng.uniform(0, 2, (50, 7)), rng.choice([0.0, 0.3, np.inf], (50, 7))
    times[rng.random((50, 7)) < 0.3] = np.inf
    below = rng.random((50, 7)) < 0.5
    there = times < 1.0
    expected = ((there & (late == np.inf)).sum(), (there & below & (late < np.inf)).sum())
    assert min(expected) > 0
    assert draws.lost_and_cut(times, late, below, 1.0) == expected
    with pytest.raises(ValueError, match="one shape"):
        draws.lost_and_cut(times[:3], late, below, 1.0)
