"""The examples of the guides in docs/ run as they stand, page by page."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGES = {"continuous-models.md", "large-networks.md", "sources.md", "currents-and-synapses.md"}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_the_examples_of_a_guide_run(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    examples = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(encoding="utf-8"), re.M | re.S)
    assert examples
    names = {}
    for example in examples:
        exec(compile(example, page, "exec"), names)


def test_the_example_of_rates_and_spikes_runs(capsys):
    path = DOCS.parent / "examples" / "rates_and_spikes.py"
    names: dict[str, object] = {}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), names)
    early, late = re.findall(r"(-?\d+\.\d+) in the", capsys.readouterr().out)
    assert abs(float(late) - 0.8) < abs(float(early) - 0.8)  # it learned, against the spikes that come back
    assert len(names["spikes"].times) > 10


def test_spiking_ears_feed_a_network_that_remembers(capsys):
    path = DOCS.parent / "examples" / "spiking_ears.py"
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), {})
    remembering, forgetting = map(float, re.findall(r"memory: (\d\.\d+) of", capsys.readouterr().out))
    assert remembering > 0.85
    assert forgetting < 0.65  # of 80 sweeps, half of which rise; chance has a standard deviation of 0.056
