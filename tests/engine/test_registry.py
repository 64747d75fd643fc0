"""Parts by name, and names of earlier versions."""

import subprocess
import sys

import pytest

import eventsim as es
from eventsim import registry
from eventsim.models.gradients import SpikeGradient


def test_underscores_find_a_part_whose_name_has_hyphens():
    assert registry.find("neuron", "lif_delta") is registry.find("neuron", "lif-delta") is es.models.LIFDelta


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(es.errors.UnknownPart, match=r"no neuron named 'lif_beta'; .*known: .*lif-delta"):
        registry.find("neuron", "lif_beta")


def test_an_old_argument_and_its_attribute_answer_with_a_warning():
    with pytest.warns(DeprecationWarning, match="'eta' is called 'learning_rate' now"):
        rule = es.models.plasticity.ErrorTimesRate(eta=0.3)
    assert rule.learning_rate == 0.3
    with pytest.warns(DeprecationWarning, match="'eta' is called 'learning_rate' now"):
        assert rule.eta == 0.3


def test_an_argument_under_its_old_and_its_new_name_is_refused():
    with (
        pytest.warns(DeprecationWarning, match="learning_rate"),
        pytest.raises(ValueError, match="'learning_rate' is given twice"),
    ):
        es.models.plasticity.ErrorTimesRate(learning_rate=0.3, eta=0.3)


@pytest.mark.parametrize(("old", "new"), [("walk", "eventprop"), ("layers", "first-spike")])
def test_kernels_of_gradients_answer_to_their_old_names(old, new):
    net = es.Network()
    net.add("in", es.models.SpikeSource(), 2)
    net.add("out", es.models.LIF(first_spike_only=True), 1)
    net.connect("in", "out", weight=2.0)
    with pytest.warns(DeprecationWarning, match=f"'{old}' is called '{new}' now"):
        found = SpikeGradient(net, kernel=old).forward({"in": [[0.0, 0.3]]}, 5.0)
    assert type(found) is type(SpikeGradient(net, kernel=new).forward({"in": [[0.0, 0.3]]}, 5.0))


def test_a_run_of_gradients_answers_to_its_old_name():
    with pytest.warns(DeprecationWarning, match="Run is now"):
        assert es.models.gradients.Run is es.models.gradients.ForwardPass


def test_one_scenario_is_looked_up_without_the_others(tmp_path, monkeypatch):
    (tmp_path / "coins.py").write_text(
        "import eventsim\n\n@eventsim.register('scenario', 'coins')\nclass Coins:\n    pass\n"
    )
    info = tmp_path / "coins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: coins\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eventsim.parts]\ncoins = coins\n")
    code = """
import sys
from eventsim import registry
print(registry.lookup("scenario", "coins").__name__, registry.lookup("scenario", "yin_yang").__name__)
print(*(name for name in sys.modules if name.startswith("eventsim.scenarios.") and name.count(".") == 2))
print(registry.lookup("scenario", "neither"))
"""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    names, loaded, absent = done.stdout.splitlines()
    assert names == "Coins YinYang"
    assert not set(loaded.split()) & {
        f"eventsim.scenarios.{other}" for other in ("delgrad", "elise", "noracl")
    }
    assert absent == "None"
