"""The Cython rule of docs/own-synapse.md, built as the page says, beside the Python rule of the page."""

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[3] / "docs"

COMPARE = """
found = []
for rule in (Window(), CompiledWindow()):
    rng = np.random.default_rng(3)
    net = es.Network(seed=1)
    for name in ("input", "teacher"):
        net.add(name, es.models.SpikeSource(times=[rng.uniform(0, 300, 20) for _ in range(6)]), 6)
    net.add("cells", es.models.LIFDelta(v_th=1.0), 6)
    net.connect("input", "cells", es.connect.fixed_probability(0.7), weight=0.3, delay=0.1)
    net.connect("teacher", "cells", es.connect.one_to_one(), weight=5.0)
    net.add_plasticity("input->cells", rule)
    sim = es.Simulation(net)
    sim.run(150.0)
    state = sim.snapshot()
    sim.run(300.0)
    found.append(sim.weights("input->cells")[2])
    sim.restore(state)
    sim.run(300.0)
    assert np.array_equal(sim.weights("input->cells")[2], found[-1])
assert np.abs(found[0] - 0.3).max() > 0.05
np.testing.assert_allclose(*found, rtol=1e-12)
"""


def test_the_compiled_rule_of_the_page_builds_and_gives_the_weights_of_the_python_rule(tmp_path):
    text = (DOCS / "own-synapse.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"^```cython\n(.*?)^```", text, re.M | re.S)
    python = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)[0]
    (use,) = re.findall(r"^```\n(from window_rule.*?)^net\.", text, re.M | re.S)
    (setup,) = re.findall(
        r"^```\n(import eventsim\n.*?)^```", (DOCS / "own-neuron.md").read_text("utf-8"), re.M | re.S
    )
    (tmp_path / "window_rule.pyx").write_text(source)
    (tmp_path / "setup.py").write_text(setup.replace("leaky_exponential", "window_rule"))
    (tmp_path / "use.py").write_text(python + use + COMPARE)
    for command in (["setup.py", "-q", "build_ext", "--inplace"], ["use.py"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
