"""The table of benchmarks."""

import inspect

import pytest

from eventsim.errors import UnknownPart
from eventsim.scenarios import comparison

RATE = [
    {"work": "hold", "n": 100, "system": "heapq", "figure": 2e6, "unit": "operations/s"},
    {"work": "hold", "n": 100, "system": "eventsim", "figure": 1e7, "unit": "operations/s"},
]
COST = [
    {"work": "epoch", "system": "eventsim", "figure": 0.1, "unit": "s"},
    {"work": "epoch", "system": "torch", "figure": 2.5, "unit": "s"},
]


def test_ratios_say_how_many_times_better_ours_is():
    assert comparison.ratio(RATE[1], RATE[0]) == pytest.approx(5)
    assert comparison.ratio(COST[0], COST[1]) == pytest.approx(25)


def test_the_table_puts_ours_first_in_each_work():
    lines = [line.split() for line in comparison.as_table(RATE + COST).splitlines() if line]
    assert [line[0] for line in lines[1:]] == ["hold", "hold", "epoch", "epoch"]
    assert "eventsim" in lines[1]
    assert lines[2][-2:] == ["5", "x"]
    assert "eventsim" in lines[3]
    assert lines[4][-2:] == ["25", "x"]


def test_unknown_benchmarks_are_refused_with_those_there_are():
    with pytest.raises(UnknownPart, match="no benchmark named 'nonsense'"):
        comparison.measure("nonsense", 1)


def test_every_benchmark_takes_how_often_to_measure():
    for name, module in comparison.benchmarks().items():
        assert "repeats" in inspect.signature(module.run).parameters, name
