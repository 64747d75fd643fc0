"""Parameters of plasticity rules, and weights given to them, that are out of range: one line each."""

import math
from dataclasses import fields, is_dataclass

import pytest

import eventsim as es
from eventsim.models import plasticity

NEEDED = {
    "ErrorTimesRate": {"learning_rate": 0.1},
    "MicrocircuitAlignment": {"noise": plasticity.OrnsteinUhlenbeck(1.0, 2.0)},
    "OrnsteinUhlenbeck": {"sigma": 1.0, "tau": 2.0},
    "PhaselessAlignment": {
        "noise": plasticity.OrnsteinUhlenbeck(1.0, 2.0),
        "learning_rate": 0.1,
        "decay": 0.1,
    }
    | {"tau_high_pass": 3.0},
    "PlasticityKernel": {"kernel": print, "period": 10.0},
    "RewardSTDP": {"reward": "cells"},
    "TimeConstants": {"learning_rate": 0.1},
}
RULES = [
    name
    for name in vars(plasticity)["__all__"]
    if is_dataclass(getattr(plasticity, name)) and name != "SynapseRows"
]


@pytest.mark.parametrize("name", RULES)
def test_no_number_of_a_rule_is_nan_infinite_or_text(name):
    rule, needed = getattr(plasticity, name), NEEDED.get(name, {})
    first = rule(**needed)
    for field in fields(rule):
        value = getattr(first, field.name)
        if isinstance(value, bool) or not (isinstance(value, int | float)):
            continue
        positive = field.name.startswith(("tau", "w_max")) and value > 0
        for wrong in (math.nan, math.inf, -math.inf, "x", *((0.0, -1.0) if positive else ())):
            with pytest.raises((ValueError, TypeError), match=field.name) as error:
                rule(**{**needed, field.name: wrong})
            assert "\n" not in str(error.value)


@pytest.mark.parametrize("rule", [
    plasticity.PairSTDP(), plasticity.TripletSTDP(), plasticity.RewardSTDP("cells"),
    plasticity.InhibitorySTDP(),
])  # fmt: skip
@pytest.mark.parametrize("array", [False, True])
def test_weights_that_are_set_must_lie_within_the_bounds_of_a_rule(rule, array):
    net = es.Network()
    net.add("input", es.models.Poisson(rate=10.0), 2)
    net.add("cells", es.models.LIF(), 2)
    net.connect("input", "cells", weight=0.0, delay=1.0)
    net.add_plasticity("input->cells", rule)
    sim = es.Simulation(net)
    low, high = rule.weight_bounds
    for wrong in (low - 0.5, high + 0.5):
        message = (
            f"must lie between {low:g} and {high:g}, the bounds of its {type(rule).__name__}, got {wrong:g}"
        )
        with pytest.raises(ValueError, match=message):
            sim.set_weights("input->cells", [[low, high], [low, wrong]] if array else wrong)
    for right in (low, high):
        sim.set_weights("input->cells", right)
        assert (sim.weights("input->cells")[2] == right).all()


def test_what_else_is_checked():
    with pytest.raises(ValueError, match="target_rate must be positive, got 0"):
        plasticity.HomeostaticSTDP(target_rate=0)
    with pytest.raises(ValueError, match="turnover must lie between 0 and 1, got 2"):
        plasticity.StructuralPlasticity(turnover=2)
    with pytest.raises(TypeError, match="weights must be a kernel"):
        plasticity.StructuralPlasticity(weights=1.0)
    with pytest.raises(ValueError, match="weight_bits must be a whole number, at most 31, got 40"):
        plasticity.PlasticityKernel(print, 10.0, weight_bits=40)
    with pytest.raises(ValueError, match="n must be a whole number, at least 0, got -1"):
        plasticity.SpikeTraces(-1, 10.0)
    with pytest.raises(ValueError, match="least must be positive, got 0"):
        plasticity.TimeConstants(0.1, least=0)
