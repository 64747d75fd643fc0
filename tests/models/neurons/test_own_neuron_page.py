"""The Cython neuron of docs/own-neuron.md, built as the page says, and compared with scipy."""

import re
import subprocess
import sys
from pathlib import Path

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
