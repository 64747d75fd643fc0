"""The neurons of docs/own-neuron.md: the Cython one built as the page says, the exponential one in a file."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

import eventsim as es

PAGE = Path(__file__).resolve().parents[3] / "docs" / "own-neuron.md"


def test_the_compiled_neuron_of_the_page_builds_and_spikes_as_scipy_says(tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    (source,) = re.findall(r"^```cython\n(.*?)^```", text, re.M | re.S)
    (setup,) = re.findall(r"^```\n(import eventsim\n.*?)^```", text, re.M | re.S)
    (use,) = re.findall(r"^```\n(from leaky.*?)^```", text, re.M | re.S)
    assert len([line for line in source.splitlines() if line.strip()]) <= 20
    (tmp_path / "leaky_exponential.pyx").write_text(source)
    (tmp_path / "setup.py").write_text(setup)
    (tmp_path / "use.py").write_text(
        "import eventsim as es\nfrom eventsim.models.neurons import check_neuron, integrated_spikes\n"
        + use
        + "found = integrated_spikes(cell, [1.0, 2.0], [1.0, 1.5], 100.0)\nprint(len(found))\n"
    )
    for command in (["setup.py", "-q", "build_ext", "--inplace"], ["use.py"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout) > 0


def test_the_exponential_neuron_of_the_page_is_short_and_goes_through_snapshots_and_files(tmp_path):
    text = PAGE.read_text(encoding="utf-8")
    (source,) = re.findall(r"^```python\n(import math\n.*?)^```", text, re.M | re.S)
    assert len([line for line in source.splitlines() if line.strip()]) <= 20
    page: dict[str, Any] = {}
    exec(source, page)
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource([0.0, 2.0, 12.0, 14.0], [0, 0, 0, 0]), 1)
    net.add("cell", page["eif"], 1)
    net.connect("input", "cell", weight=3.0, delay=1.0)
    sim = es.Simulation(net)
    sim.record("cell", "v", every=0.5)
    sim.run(10.0)
    state = sim.snapshot()
    sim.run(50.0)
    expected = sim.spikes("cell").times.copy()
    assert len(expected) == 2
    sim.restore(state)
    sim.run(50.0)
    np.testing.assert_array_equal(sim.spikes("cell").times, expected)
    sim.save(tmp_path / "eif.h5")
    again = es.io.load(tmp_path / "eif.h5")
    np.testing.assert_array_equal(again.spikes["cell"].times, expected)
    np.testing.assert_array_equal(again.samples["cell", "v"].values, sim.trace("cell", "v").values)
    gradient = es.models.gradients.SpikeGradient(net)
    run = gradient.forward({}, until=50.0)
    np.testing.assert_allclose(run.spikes("cell", 0).times, expected, rtol=1e-10)
