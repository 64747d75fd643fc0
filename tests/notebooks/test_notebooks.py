"""What notebooks show of ours, and that every cell can be run again."""

import re
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest

import eventsim as es
from eventsim import html

CELLS = [
    """
import numpy as np
import eventsim as es
net = es.Network(seed=1)
net.add("input", es.models.Poisson(rate=0.5), 3)
net.add("cells", es.models.LIF(tau_mem=2.0, tau_syn=1.0), 4)
net.connect("input", "cells", weight=np.ones((3, 4)), delay=0.1)
net
""",
    """
sim = es.Simulation(net)
sim.run(20.0, progress=True)
sim
""",
    """
times = np.random.default_rng(1).uniform(0, 1, (40, 2))
classifier = es.models.SpikingClassifier(hidden=(5,), epochs=3, progress=True)
classifier.fit(times, times[:, 0] < times[:, 1])
""",
    """
from eventsim.scenarios import Request, execute
execute(Request(name="yin-yang", preset="quick", values={"epochs": 1, "runs": 1}, quiet=True, overwrite=True,
                output="a.h5"))
""",
    """
es.io.load("a.h5")
""",
]


class Closed(HTMLParser):
    """Checks that tags are closed in order."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def shown(thing):
    """Return the text that a notebook shows, having checked the tags."""
    text = thing._repr_html_()
    checker = Closed()
    checker.feed(text)
    assert checker.open == []
    assert "<script" not in text
    return re.sub(r"<[^>]+>", " ", text)


def test_a_network_shows_its_populations_and_projections():
    net = es.Network(seed=7, time_unit="us")
    net.add("a<b", es.models.SpikeSource(), 3)
    net.add("cells", es.models.LIF(tau_mem=2.0), 4)
    net.connect("a<b", "cells", weight=np.arange(12.0).reshape(3, 4), delay=0.25)
    net.connect("cells", "cells", es.connect.fixed_probability(0.25), weight=0.5, delay=1.0)
    net.add_plasticity("cells->cells", es.models.plasticity.PairSTDP(w_max=3.0))
    text = shown(net)
    assert "a&lt;b" in net._repr_html_()
    assert "FixedProbability(p = 0.25)" in text
    assert re.search(r"plasticity .*cells-&gt;cells +PairSTDP +w_max = 3", text)
    for each in ("seed 7", "us", "LIF", "tau_mem = 2", "3 x 4, 0 to 11", "0.25"):
        assert each in text
    assert "v_th" not in text  # a default


def test_a_simulation_shows_its_clock_and_builds_nothing():
    net = es.Network(seed=1)
    net.add("input", es.models.SpikeSource(), 2)
    sim = es.Simulation(net)
    assert "not run yet" in shown(sim)
    assert "not built yet" in repr(sim)
    sim.stimulate("input", [1.0, 2.0, 3.0], [0, 1, 0])
    sim.run(5.0)
    assert re.search(r"at 5 ms.*input +2 +SpikeSource +3", re.sub(r"\s+", " ", shown(sim)))


def test_a_trace_and_an_estimator_show_what_they_hold(tmp_path):
    times = np.random.default_rng(1).uniform(0, 1, (40, 2))
    classifier = es.models.SpikingClassifier(hidden=(5,), epochs=2)
    assert "has not learned yet" in shown(classifier)
    classifier.fit(times, times[:, 0] < times[:, 1])
    assert "has learned" in shown(classifier)
    assert f"{classifier.history_['accuracy'][-1]:.6g}" in shown(classifier)
    classifier.save(tmp_path / "a.h5")
    text = shown(es.io.load(tmp_path / "a.h5"))
    assert "spiking classifier" in text
    assert "weight/input-&gt;hidden1" in text
    assert "10 x 5" not in text
    assert shown(es.models.LatencyEncoder())


def test_a_paper_and_a_sweep_show_their_tables(tmp_path):
    from eventsim.scenarios.reproduce import Reproduction, paper_of, report

    paper = paper_of("yin-yang")
    rows = report.from_kept(paper, []).records
    assert "linear 4-3" in shown(Reproduction(paper, list(rows)))
    found = es.sweep("balanced-network", {"duration": [5.0, 6.0]}, tmp_path / "runs", preset="quick", jobs=1)
    assert re.search(r"finished +5 .*finished +6 ", re.sub(r"\s+", " ", shown(found)))
    assert "mean_rate" in shown(found)
    assert f" {found.rows()[0]['spikes']:.6g} " in shown(found)


def test_long_tables_are_cut_and_values_are_short():
    text = html.table("many", ("name", "value"), ((f"row {k}", "x" * 500) for k in range(100)))
    assert text.count("<tr>") == 1 + html.MOST_ROWS
    assert "and 70 more" in text
    assert "x" * 100 not in text
    assert html.table("none", ("a",), []) == ""
    assert html.value(np.zeros((2, 0))) == "2 x 0"


def test_cells_show_html_and_can_be_run_again(tmp_path):
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook()
    for cell in CELLS:  # each cell twice, one after the other
        notebook.cells += [nbformat.v4.new_code_cell(cell), nbformat.v4.new_code_cell(cell)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = nbclient.NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
        )
        client.execute()
    pages = []
    for cell in notebook.cells:
        results = [out for out in cell.outputs if out.output_type == "execute_result"]
        assert len(results) == 1
        pages.append(results[0]["data"]["text/html"])
    assert pages[0] == pages[1]
    assert pages[2] == pages[3]
    assert "Simulation at 20 ms" in pages[2]
    bars = "".join(out.get("text", "") for out in notebook.cells[4].outputs if out.output_type == "stream")
    widgets = [out for out in notebook.cells[4].outputs if out.output_type == "display_data"]
    assert "batch" in bars or widgets  # progress shows, though standard error is no terminal
