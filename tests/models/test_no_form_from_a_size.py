"""The type says what is given, never a size: square cases mean what the others mean, or are refused."""

import itertools

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import SpikeGradient

M = es.models
SQUARE = [3.0, 1.0, 2.0]


def network(n_pre=3, n_post=3):
    net = es.Network()
    net.add("a", M.SpikeSource(), n_pre)
    net.add("b", M.LIF(), n_post)
    return net


@pytest.mark.parametrize("what", ["weight", "delay"])
@pytest.mark.parametrize(
    "rule",
    [None, es.connect.all_to_all(), es.connect.one_to_one(), es.connect.fixed_probability(0.5)],
    ids=["none", "all", "one", "probability"],
)
@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_a_plain_list_for_as_many_sources_as_targets_is_refused_with_both_remedies(what, rule, kind):
    if rule is None and what == "weight":
        return  # weights without a rule are a matrix
    with pytest.raises(
        ValueError, match=r"list of 3, for the sources or for the targets; say which .* dendritic"
    ):
        network().connect("a", "b", rule, **{what: kind(SQUARE)})


def test_a_plain_list_in_with_parameters_is_refused_too():
    net = network()
    net.connect("a", "b", weight=1.0, delay=1.0)
    with pytest.raises(ValueError, match="for the sources or for the targets; say which"):
        net.with_parameters(projections={"a->b": {"delay": SQUARE}})


@pytest.mark.parametrize(("n_pre", "n_post", "name"), [(3, 4, "axonal"), (4, 3, "dendritic")])
def test_a_plain_list_that_fits_one_side_warns_and_is_that_side(n_pre, n_post, name):
    net = network(n_pre, n_post)
    with pytest.warns(
        DeprecationWarning, match=rf"write es\.connect\.{name}\(values\), as the next release refuses"
    ):
        plain = net.connect("a", "b", delay=SQUARE)
    said = net.connect("a", "b", delay=getattr(es.connect, name)(SQUARE), name="said")
    assert (plain.delay_kind, plain.delay.tolist()) == (said.delay_kind, said.delay.tolist())


@pytest.mark.parametrize("name", ["axonal", "dendritic"])
def test_what_is_said_holds_for_every_size(name):
    for n_pre, n_post in itertools.product((1, 2, 3), repeat=2):
        n = n_pre if name == "axonal" else n_post
        values = np.arange(1.0, n + 1)
        net = network(n_pre, n_post)
        net.connect("a", "b", weight=1.0, delay=getattr(es.connect, name)(values))
        pre, post, _, delay = es.Simulation(net).weights("a->b")
        assert delay.tolist() == values[pre if name == "axonal" else post].tolist()


@pytest.mark.parametrize("n_synapses", [2, 3, 4])
def test_listed_synapses_take_one_value_each_also_where_there_are_as_many_units(n_synapses):
    pairs = [(0, 2), (1, 0), (2, 1), (0, 0)][:n_synapses]
    net, values = network(), np.arange(1.0, n_synapses + 1)
    net.connect("a", "b", pairs, weight=values)
    pre, post, weight, _ = es.Simulation(net).weights("a->b")
    assert {(i, k): w for i, k, w in zip(pre.tolist(), post.tolist(), weight.tolist(), strict=True)} == dict(
        zip(pairs, values.tolist(), strict=True)
    )


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_an_array_of_two_dimensions_is_samples_by_units(n, n_samples):
    net = network(n, n)
    net.connect("a", "b", es.connect.one_to_one(), weight=4.0)
    times = np.arange(float(n_samples * n)).reshape(n_samples, n) * 0.1
    grad = SpikeGradient(net)
    run = grad.forward({"a": times}, 9.0)
    assert len(run) == n_samples
    assert run.first_spikes("a").tolist() == times.tolist()
    listed = grad.forward({"a": [(row, np.arange(n)) for row in times]}, 9.0)
    assert listed.first_spikes("b").tolist() == run.first_spikes("b").tolist()


@pytest.mark.parametrize("n_spikes", [1, 2, 3])
def test_a_list_for_each_unit_is_by_unit_however_many_spikes_each_has(n_spikes):
    times = [[float(unit + 10 * k) for k in range(n_spikes)] for unit in range(3)]
    net = network()
    sim = es.Simulation(net)
    sim.stimulate("a", times)
    sim.run(50.0)
    spikes = sim.spikes("a")
    for unit in range(3):
        assert spikes.times[spikes.units == unit].tolist() == times[unit]
    sim = es.Simulation(net)
    sim.stimulate("a", np.array(times))  # an array (n_units, n_spikes)
    sim.run(50.0)
    assert sim.spikes("a").times.tolist() == spikes.times.tolist()


def test_a_tuple_is_times_and_units_also_where_it_could_be_two_trains():
    net = es.Network()
    net.add("a", M.SpikeSource(([1.0, 2.0], [0, 1])), 2)
    sim = es.Simulation(net)
    sim.run(5.0)
    assert (sim.spikes("a").times.tolist(), sim.spikes("a").units.tolist()) == ([1.0, 2.0], [0, 1])
    net = es.Network()
    net.add("a", M.SpikeSource([[1.0, 2.0], [0.0, 1.0]]), 2)  # a list: the trains of two units
    sim = es.Simulation(net)
    sim.run(5.0)
    assert (sim.spikes("a").times.tolist(), sim.spikes("a").units.tolist()) == ([0, 1, 1, 2], [1, 0, 1, 0])


@pytest.mark.parametrize("batch", [2, 3])
def test_every_says_whether_the_rows_of_an_input_are_steps_or_samples(batch):
    net = es.Network()
    net.add("in", M.RateInput(), 3)
    net.add("out", M.LatentEquilibrium(), 1)
    net.connect("in", "out", weight=1.0)
    rows = np.arange(3.0 * batch).reshape(batch, 3)
    sim = es.Simulation(net, dt=1.0, batch=batch)
    sim.set_input("in", rows)
    sim.run_ticks(2)
    assert sim.array("in").tolist() == rows.tolist()
    sim = es.Simulation(net, dt=1.0, batch=batch)
    sim.set_input("in", rows, every=1.0)
    sim.run_ticks(2)
    assert sim.array("in").tolist() == [rows[1].tolist()] * batch


@pytest.mark.parametrize("n", [2, 3])
def test_units_to_record_are_numbers_or_a_mask_by_type(n):
    net = network(3, n)
    for units, expected in (([1, 0], [1, 0]), ([True, False, True][:n], [0, 2][: n - 1])):
        sim = es.Simulation(net)
        sim.record("b", "v", every=1.0, units=units)
        sim.run(2.0)
        assert sim.trace("b", "v").units.tolist() == expected
