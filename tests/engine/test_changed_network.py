"""A declared network that changes: parts by name, changed in place, removed, connected twice."""

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError, EventOrderError, UnknownPart


def network() -> es.Network:
    net = es.Network(seed=3)
    net.add("input", es.models.SpikeSource(times=[0.2, 0.4]), 1)
    net.add("cells", es.models.LIF(tau_mem=2.0), 3)
    net.connect("input", "cells", weight=3.0)
    return net


def spikes(net: es.Network) -> list[float]:
    sim = es.Simulation(net)
    sim.run(10.0)
    return sim.spikes("cells").times.tolist()


def test_parts_are_found_by_name() -> None:
    net = network()
    assert net["cells"] is net.populations["cells"]
    assert net["input->cells"] is net.projections[0]
    with pytest.raises(UnknownPart, match=r"no population or projection named 'cell'.*did you mean 'cells'"):
        net["cell"]


def test_a_changed_network_is_one_that_was_declared_so() -> None:
    net = network()
    assert net.change("cells", tau_mem=20.0).model.tau_mem == 20.0
    assert net.change("input->cells", weight=0.9, delay=1.5).delay == 1.5
    other = es.Network(seed=3)
    other.add("input", es.models.SpikeSource(times=[0.2, 0.4]), 1)
    other.add("cells", es.models.LIF(tau_mem=20.0), 3)
    other.connect("input", "cells", weight=0.9, delay=1.5)
    assert spikes(net) == spikes(other) != spikes(network())


def test_another_model_takes_the_place_of_the_first() -> None:
    net = network()
    model = es.models.LIF(tau_mem=5.0)
    assert net.change("cells", model=model).model is model
    with pytest.raises(ConfigError, match="'cells' gets another model, so 'v_th' is given with the model"):
        net.change("cells", model=model, v_th=2.0)


def test_a_simulation_keeps_what_it_was_built_from() -> None:
    net = network()
    sim = es.Simulation(net)
    sim.run(1.0)
    net.change("input->cells", weight=0.0)
    net.remove("cells")
    sim.run_for(9.0)
    assert sim.now == 10.0
    assert sim.spikes("cells").times.tolist() == spikes(network())


def test_what_was_returned_before_a_change_still_names_its_part() -> None:
    net = es.Network()
    cells = net.add("cells", es.models.LIF(), 2)
    net.change(cells, v_th=2.0)
    assert net.connect(cells, cells, es.connect.one_to_one()).pre == "cells"
    assert net.change(cells, v_th=3.0).model.v_th == 3.0


@pytest.mark.parametrize(
    ("name", "changed", "error", "message"),
    [
        ("cells", {"tau": 1.0}, UnknownPart, "has no parameter 'tau'"),
        ("cells", {"tau_mem": -1.0}, ValueError, "tau_mem"),
        ("input->cells", {"weights": 1.0}, UnknownPart, "no parameter 'weights' to change.*did you mean"),
        ("input->cells", {"weight": np.ones((2, 2))}, ValueError, r"shape \(2, 2\), expected a number"),
        ("out", {}, UnknownPart, "no population or projection named 'out'"),
    ],
)
def test_a_change_that_does_not_do_changes_nothing(
    name: str, changed: dict[str, object], error: type[Exception], message: str
) -> None:
    net = network()
    before = net.describe()
    with pytest.raises(error, match=message):
        net.change(name, **changed)
    assert net.describe() == before


def test_a_removed_population_takes_its_projections_and_rules_along() -> None:
    net = network()
    net.add("others", es.models.LIF(), 2)
    net.connect("input", "others")
    net.connect("cells", "others", delay=1.0)
    net.remove("cells")
    assert list(net.populations) == ["input", "others"]
    assert [projection.name for projection in net.projections] == ["input->others"]
    net.remove("input->others")
    assert net.projections == []
    net.add("cells", es.models.LIF(), 1)  # the name is free again


def test_the_same_pair_and_rule_a_second_time_needs_a_name() -> None:
    net = network()
    with pytest.raises(
        ConfigError, match=r"'input -> cells' is connected by AllToAll\(\) already, as 'input"
    ):
        net.connect("input", "cells", weight=1.0)
    net.connect("input", "cells", [(0, 1), (0, 2)])
    with pytest.raises(ConfigError, match="is connected by Pairs"):
        net.connect("input", "cells", [(0, 1), (0, 2)])
    net.connect("input", "cells", weight=1.0, delay=2.0)
    net.connect("input", "cells", [(0, 0), (0, 2)])
    assert net.connect("input", "cells", weight=1.0, name="again").name == "again"


@pytest.mark.parametrize("duration", [-1.0, np.inf, np.nan])
def test_a_run_lasts_a_finite_time(duration: float) -> None:
    sim = es.Simulation(network())
    with pytest.raises((EventOrderError, ValueError), match="duration"):
        sim.run_for(duration)


def test_a_time_that_has_passed_is_named_with_the_way_on() -> None:
    sim = es.Simulation(network())
    sim.run_for(5.0)
    with pytest.raises(EventOrderError, match=r"clock is at 5.0.*run_for\(duration\) goes on from now"):
        sim.run(3.0)
