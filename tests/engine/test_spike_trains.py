"""Spikes are given in several forms; every door takes them all, copies them, and guesses nothing."""

from typing import ClassVar

import numpy as np
import pytest

import eventsim as es
from eventsim.spike_trains import SpikeTrains, spike_pairs


class Quantity:
    """A train with a unit, as far as Neo's are asked: `rescale` and `magnitude`."""

    FACTOR: ClassVar = {"s": 1.0, "ms": 1e3, "us": 1e6}

    def __init__(self, magnitude, unit):
        self.magnitude, self.unit = np.asarray(magnitude, float), unit

    def rescale(self, unit):
        return Quantity(self.magnitude * (self.FACTOR[unit] / self.FACTOR[self.unit]), unit)

    def __len__(self):
        return len(self.magnitude)


def spikes_of(times, units=None, n=2, time_unit="ms"):
    net = es.Network(time_unit=time_unit)
    net.add("in", es.models.SpikeSource(), n)
    sim = es.Simulation(net)
    sim.stimulate("in", times, units)
    sim.run(100.0)
    found = sim.spikes("in")
    return list(zip(found.times.tolist(), found.units.tolist(), strict=True))


WANTED = [(1.0, 0), (2.0, 1), (4.0, 0)]


@pytest.mark.parametrize(
    "given",
    [
        ([4.0, 1.0, 2.0], [0, 0, 1]),
        (([4.0, 1.0, 2.0], [0, 0, 1]),),
        (es.Spikes(np.array([1.0, 2.0, 4.0]), np.array([0, 1, 0])),),
        ([[1.0, 4.0], [2.0]],),
        ([np.array([1.0, 4.0]), (2.0,)],),
        (np.array([[1.0, 4.0], [np.inf, 2.0]]),),
        ([Quantity([0.001, 0.004], "s"), Quantity([2.0], "ms")],),
        (np.array([1000, 2000, 4000], "timedelta64[us]"), [0, 1, 0]),
        ([np.array([1000, 4000], "timedelta64[us]"), np.array([2], "timedelta64[ms]")],),
        (np.ma.masked_array([1.0, 2.0, 4.0]), [0, 1, 0]),
    ],
)
def test_stimulate_takes_every_form(given):
    assert spikes_of(*given) == WANTED


def test_a_source_takes_every_form_too():
    for model in (
        es.models.SpikeSource([[1.0, 4.0], [2.0]]),
        es.models.SpikeSource(([1.0, 4.0, 2.0], [0, 0, 1])),
        es.models.SpikeSource(np.array([1000, 4000, 2000], "timedelta64[us]"), [0, 0, 1]),
    ):
        net = es.Network()
        net.add("in", model, 2)
        sim = es.Simulation(net)
        sim.run(10.0)
        assert sim.spikes("in").times.tolist() == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (([1.0, 2.0],), ValueError, "need units, because it has 2 of them"),
        (([[1.0], [2.0], [3.0]],), ValueError, "list the times of 3 units, but it has 2"),
        (([[1.0], 2.0],), ValueError, "holds times, or a list of times for each unit, not both"),
        ((([1.0], [0], [1]),), ValueError, "got a tuple of 3 things"),
        (([[1.0], [2.0]], [0, 1]), ValueError, "units of 'in' are given twice"),
        (([1j], [0]), TypeError, "must be real numbers, got complex128"),
        (([True], [0]), TypeError, "must be real numbers, got bool"),
        ((["a"], [0]), TypeError, "must be real numbers, got <U1"),
        (([None], [0]), TypeError, "must be numbers, got None"),
        ((np.ma.masked_array([1.0, 2.0], [0, 1]), [0, 0]), ValueError, "masked in part"),
        ((np.array([1, "NaT"], "timedelta64[us]"), [0, 0]), ValueError, "must be numbers, got NaT"),
        ((np.array([1], "timedelta64[M]"), [0]), TypeError, "has no fixed length"),
        ((np.array(["2026-01-01"], "datetime64[D]"), [0]), TypeError, "must be real numbers, got datetime64"),
        (([1.0], [0.5]), TypeError, "units of 'in' must be integers, got float64"),
        (([1.0], [2]), ValueError, r"'in' has units 0\.\.1, got a spike of unit 2"),
        (([np.nan], [0]), ValueError, "must be numbers, got nan"),
    ],
)
def test_what_is_no_form_is_refused_in_one_line(given, error, message):
    with pytest.raises(error, match=message) as caught:
        spikes_of(*given)
    assert "\n" not in str(caught.value)


def test_a_list_of_two_times_and_units_is_not_taken_for_a_tuple():
    with pytest.raises(
        ValueError, match=r"list the times of 2 units, but it has 3; \(times, units\) is a tuple"
    ):
        spikes_of([[1.0, 2.0], [0, 2]], n=3)
    with pytest.raises(
        ValueError, match=r"must be \(times, units\), a tuple, until the number of units is known"
    ):
        SpikeTrains.of([[[1.0, 2.0], [0, 1]]], None, "in")


def test_times_with_a_unit_need_a_network_with_one():
    with pytest.raises(TypeError, match=r"have a unit, timedelta64\[us\], but the network's times have none"):
        spikes_of(np.array([1], "timedelta64[us]"), [0], time_unit="1")
    assert spikes_of(np.array([3], "timedelta64[ms]"), [0], time_unit="s") == [(0.003, 0)]


def test_what_is_given_is_copied():
    times, units = np.array([1.0, 2.0]), np.array([0, 1])
    t, u = spike_pairs(times, units, 2, "in")
    first = np.array([[1.0, np.inf]])
    trains = SpikeTrains.of(first, 2, "in")
    times[:], units[:], first[:] = 9.0, 1, 9.0
    assert t.tolist() == [1.0, 2.0]
    assert u.tolist() == [0, 1]
    assert trains.first_spikes().tolist() == [[1.0, np.inf]]


def test_samples_of_every_form_are_the_same_trains():
    first = np.array([[3.0, 1.0], [np.inf, 2.0]])
    listed = [([3.0, 1.0], [0, 1]), ([2.0], [1])]
    each = [[[3.0], [1.0]], [[], [2.0]]]
    padded = np.array([[[3.0], [1.0]], [[np.inf], [2.0]]])
    whole = SpikeTrains.of(first, 2, "in")
    for given in (first.tolist(), listed, each, padded, whole, list(whole)):
        trains = SpikeTrains.of(given, 2, "in")
        assert [(s.times.tolist(), s.units.tolist()) for s in trains] == [([1.0, 3.0], [1, 0]), ([2.0], [1])]


def test_trains_remember_the_order_in_which_spikes_were_given():
    trains = SpikeTrains.of([([3.0, np.inf, 1.0], [0, 1, 1])], 2, "in")
    assert trains.positions[0].tolist() == [2, 0]
    assert trains.given.tolist() == [3]


def test_spikes_of_one_sample_are_not_taken_for_a_batch():
    with pytest.raises(ValueError, match="those of one sample; give a list of samples"):
        SpikeTrains.of(([1.0, 2.0], [0, 1]), 2, "in")


def test_every_door_of_training_takes_lists_of_each_unit():
    net = es.Network()
    net.add("in", es.models.SpikeSource(), 2)
    net.add("out", es.models.LIF(), 2)
    net.connect("in", "out", weight=np.full((2, 2), 3.0))
    gradient = es.models.gradients.SpikeGradient(net)
    samples = [([0.1, 0.3, 0.2], [0, 0, 1]), ([0.4], [1])]
    one = gradient.forward({"in": samples}, until=5.0).first_spikes("out")
    two = gradient.forward({"in": [[[0.1, 0.3], [0.2]], [[], [0.4]]]}, until=5.0).first_spikes("out")
    assert np.array_equal(one, two)
    target = es.hardware.SimulatedTarget(es.hardware.Ideal())
    target.configure(net)
    seen = target.run({"in": [[[0.1], [0.2]], [[], [0.4]]]}, until=5.0, trial=0)
    assert len(seen) == 2


def test_neo_spike_trains_are_converted():
    neo = pytest.importorskip("neo")
    train = neo.SpikeTrain([0.001, 0.002], units="s", t_stop=1.0)
    assert spikes_of(train, n=1) == [(1.0, 0), (2.0, 0)]
    assert spikes_of([train, neo.SpikeTrain([5.0], units="ms", t_stop=9.0)]) == [(1.0, 0), (2.0, 0), (5.0, 1)]
