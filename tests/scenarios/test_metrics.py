"""A scenario reports no number where it saw too little to know one."""

import numpy as np
import pytest

from eventsim import io
from eventsim.scenarios.nonlinear_dendrites import coincidences, plateaus
from eventsim.scenarios.on_hardware import report
from eventsim.scenarios.running import Request, execute


def metrics(tmp_path, name, **values):
    path = tmp_path / "run.h5"
    execute(Request(name=name, values=values, seed=1, output=path, quiet=True))
    return io.load(path).metrics


def test_nan_is_no_metric(walk, tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "run", lambda self, run: [run.metric("a", np.nan), run.metric("b", 2)])
    assert metrics(tmp_path, "walk") == {"b": 2.0}


def test_one_network_has_no_spread_and_two_have(tmp_path):
    assert not [key for key in metrics(tmp_path, "yin-yang", runs=1, epochs=1) if key.endswith("_std")]
    (tmp_path / "run.h5").unlink()
    found = metrics(tmp_path, "yin-yang", runs=2, epochs=1)
    assert {key for key in found if key.endswith("_std")} == {
        f"{key}_std" for key in found if key.endswith("_accuracy")
    }


def test_a_network_that_did_not_run_has_no_rates(tmp_path):
    found = metrics(tmp_path, "nonlinear-dendrites", task="network", neurons=3, duration=0.0)
    assert found == {"somatic_spikes": 0.0, "plateaus": 0.0}
    (tmp_path / "run.h5").unlink()
    found = metrics(tmp_path, "nonlinear-dendrites", task="network", neurons=3, inputs=5, duration=0.5)
    assert found.keys() == {"somatic_spikes", "plateaus", "somatic_rate", "plateau_rate"}


@pytest.mark.parametrize(
    ("task", "module", "missing"),
    [
        ("all-or-none", plateaus, {"threshold_inputs"}),
        ("hold-off", plateaus, {"least_hold_off", "least_hold_off_g_5"}),
        ("synchrony", plateaus, {"widest_spread"}),
        ("bac-firing", coincidences, {"least_inputs", "window_3_first", "window_3_last"}),
    ],
)
def test_what_never_happened_has_no_least_and_no_last(task, module, missing, tmp_path, monkeypatch):
    real = module.count
    monkeypatch.setattr(module, "count", lambda sim, name: 0 * real(sim, name))
    found = metrics(tmp_path, "nonlinear-dendrites", task=task, dt=0.1)
    assert not missing & found.keys()
    (tmp_path / "run.h5").unlink()
    monkeypatch.setattr(module, "count", real)
    assert missing <= metrics(tmp_path, "nonlinear-dendrites", task=task, dt=0.1).keys() | {
        "window_3_first",
        "window_3_last",
    }


def test_a_chip_on_which_nothing_was_decided_has_no_time_of_a_decision():
    from types import SimpleNamespace

    from eventsim.hardware import BrainScaleS2

    chip, found = BrainScaleS2(), {}
    import eventsim as es

    net = es.Network(time_unit="us")
    net.add("cells", es.models.LIF(), 2)
    loop = SimpleNamespace(counters={}, hardware_seconds=0.0, learner=SimpleNamespace(network=lambda: net))
    run = SimpleNamespace(metric=found.__setitem__)
    report(run, loop, chip, None, 30.0)
    assert "decision_us" not in found
    assert found["slot_us"] > 0
    report(run, loop, chip, 10.0, 30.0)
    assert found["decision_us"] > 0
