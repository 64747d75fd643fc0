"""The recipe of docs/target-times.md gets there, whatever the seed of network and inputs."""

import re
from pathlib import Path

import numpy as np
import pytest

import eventsim as es

PAGE = Path(__file__).resolve().parents[3] / "docs" / "target-times.md"


@pytest.mark.parametrize("seed", [2, 3])
def test_six_targets_are_reached_by_a_recurrent_network_with_delays(seed, capsys):
    (source,) = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert "seed = 1\n" in source
    names = {"__name__": "recipe"}
    exec(compile(source.replace("seed = 1\n", f"seed = {seed}\n"), str(PAGE), "exec"), names)
    targets, learner = names["targets"], names["learner"]
    assert np.abs(names["first"] - targets).max() > 10.0  # far away at first
    assert np.abs(learner.first_spikes(names["inputs"])[0] - targets).max() < 1e-3  # ms
    # The trained network, simulated event by event, spikes at the same times.
    sim = es.Simulation(learner.network(), schedule="ordered")
    times, units = names["inputs"]["input"][0]
    sim.stimulate("input", times, units)
    sim.run(80.0)
    spikes = sim.spikes("output")
    assert np.allclose(spikes.times[np.argsort(spikes.units)], targets, atol=1e-3)
