"""The example of an imperfection of one's own: short, and right in a network and in a substrate."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np

import eventsim as es

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "own_imperfection.py"


def crossing(tau_mem):
    """Return when a neuron of the example spikes, by the closed form of its membrane on a fine grid."""
    t = np.linspace(0.0, 5.0, 5_000_001)
    weight, tau_syn = 3.0, 1.0
    v = weight / (1.0 / tau_mem - 1.0 / tau_syn) * (np.exp(-t / tau_syn) - np.exp(-t / tau_mem))
    return 0.2 + t[np.argmax(v >= 1.0)]


def printed(tmp_path):
    run = subprocess.run([sys.executable, "-P", EXAMPLE], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    lines = re.findall(r"(.+?)\s+\[(.*)\]", run.stdout)
    return {name: np.array(times.split(), float) for name, times in lines}


def test_it_is_short_and_right(tmp_path):
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 40
    found = printed(tmp_path)
    assert list(found) == ["ideal", "warm", "by name", "noisy"]
    k = np.arange(4)
    ideal = crossing(2.0 * 1.000001)
    np.testing.assert_allclose(found["ideal"], ideal, atol=1.1e-3)
    for name, leak in (("warm", 0.05), ("by name", 0.2)):
        wanted = [crossing(2.0 / (1.0 + leak * unit) * 1.000001) for unit in k]
        np.testing.assert_allclose(found[name], np.array(wanted) + 0.02 * k, atol=1.1e-3)
    late = found["noisy"] - found["warm"]
    assert 0 < abs(late).max() < 0.05


def test_the_command_lists_no_part_of_the_example():
    assert "warm-end" not in es.registry.parts("hardware")
