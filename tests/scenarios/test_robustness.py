"""Scenario `robustness`, and training on hardware from scenarios."""

import numpy as np
import pytest

import eventsim as es
from eventsim.errors import ConfigError
from eventsim.hardware import SimulatedTarget
from eventsim.hardware.remote.serve import TargetServer
from eventsim.scenarios import tasks
from eventsim.scenarios.delgrad import DelGrad
from eventsim.scenarios.fast_and_deep import FastAndDeep
from eventsim.scenarios.robustness import Robustness, plots
from eventsim.scenarios.robustness.imperfections import LEVELS, MEANING, parts_of
from eventsim.scenarios.running import Request, RunFailed, execute

SMALL = {"imperfections": ("jitter", "dead_neurons"), "networks": 2, "n_hidden": 8, "epochs": 1}


def carried_out(path, threads=1, name="robustness", values=None, **options):
    request = Request(
        name=name,
        values=SMALL if values is None else values,
        output=path,
        seed=3,
        threads=threads,
        quiet=True,
        **options,
    )
    return execute(request)


def test_every_imperfection_has_levels_a_meaning_and_parts():
    assert LEVELS.keys() == MEANING.keys()
    network = DelGrad(n_hidden=4).network(tasks.yin_yang(), 0)  # has all that the parts act on, delays too
    for name, levels in LEVELS.items():
        for level in levels:
            parts = parts_of(name, level, 1.0, 4.0)
            assert es.hardware.Substrate(parts).prepared(network).parts


def test_a_table_of_means_and_spreads(tmp_path):
    carried_out(tmp_path / "a.h5")
    trace = es.io.load(tmp_path / "a.h5")
    rows = plots.table(trace)
    assert [(name, level) for name, level, _ in rows] == [
        (name, level) for name in SMALL["imperfections"] for level in LEVELS[name]
    ]
    for name, level, values in rows:
        assert values[0] == trace.metrics[f"{name}_{level:g}_in_the_loop"]
        assert values[2] == trace.metrics[f"{name}_{level:g}_without"]
        assert (values[1::2] >= 0).all()
    # A jitter of a thousandth changes hardly anything without training, a tenth of the neurons dead a lot.
    clean = trace.metrics["test_accuracy"]
    assert abs(trace.metrics["jitter_0.001_without"] - clean) < 0.01
    figure = Robustness.plots(trace)["robustness"](trace)
    assert len(figure.axes) == 2


def test_one_network_has_a_mean_and_no_deviation():
    rows = np.array([[0, 0.1, 0.95, np.nan, 0.9, np.nan]])
    trace = es.Trace(parameters={"robustness/table": rows}, provenance={"imperfections": "jitter"})
    assert plots.summary_table(trace).rows == (("jitter", "0.1", "95.0 %", "90.0 %"),)


def test_a_run_goes_on_where_it_was_stopped(tmp_path, monkeypatch):
    from eventsim.scenarios.scenario import Run

    carried_out(tmp_path / "whole.h5")
    say, seen = Run.say, []

    def stop_after_three(self, text):
        seen.append(text)
        self.interrupted = len(seen) == 4  # the first line names the file
        say(self, text)

    monkeypatch.setattr(Run, "say", stop_after_three)
    outcome = carried_out(tmp_path / "parts.h5")
    assert not outcome.complete
    monkeypatch.setattr(Run, "say", say)
    carried_out(tmp_path / "parts.h5", resume=True)
    whole, parts = (es.io.load(tmp_path / f"{name}.h5") for name in ("whole", "parts"))
    assert whole.metrics == parts.metrics
    assert np.array_equal(whole.parameters["robustness/table"], parts.parameters["robustness/table"])


def test_unknown_imperfections_and_presets_are_named(tmp_path):
    with pytest.raises(RunFailed, match="no imperfection is called 'rust'"):
        carried_out(tmp_path / "a.h5", values=SMALL | {"imperfections": ("rust",)})
    with pytest.raises(ConfigError, match="fast-and-deep has no preset 'fast'"):
        Robustness(preset="fast").settings(1)


@pytest.mark.parametrize("in_the_loop", [True, False])
@pytest.mark.parametrize(
    ("name", "preset", "hardware"),
    [
        ("fast-and-deep", "brainscales2", "brainscales2"),
        ("fast-and-deep", None, "jitter,sigma=0.05"),
        ("delgrad", "brainscales2-WA", "brainscales2,device_seed=4"),
        ("delgrad", "W", "mixed-signal,bus_per_us=0"),
    ],
)
def test_scenarios_run_on_hardware(name, preset, hardware, in_the_loop, tmp_path):
    values = {"epochs": 1, "n_hidden": 10, "test_samples_recorded": 1, "in_the_loop": in_the_loop}
    carried_out(tmp_path / "a.h5", name=name, values=values, preset=preset, hardware=hardware)
    trace = es.io.load(tmp_path / "a.h5")
    assert 0 <= trace.metrics["test_accuracy"] <= 1
    if hardware.startswith("brainscales2"):
        metrics = trace.metrics
        assert metrics["slot_us"] == pytest.approx(180)
        assert metrics["hardware_biological_seconds"] == pytest.approx(1000 * metrics["hardware_seconds"])
        assert metrics["energy_per_sample_uj_estimate"] == pytest.approx(31.5)
    again = tmp_path / "b.h5"
    carried_out(again, name=name, values=values, preset=preset, hardware=hardware)
    assert es.io.load(again).metrics == trace.metrics


@pytest.mark.parametrize(
    ("name", "preset"), [("fast-and-deep", "brainscales2"), ("delgrad", "brainscales2-WA")]
)
def test_a_chip_behind_an_address_gives_what_it_gives_here(name, preset, tmp_path):
    values = {"epochs": 1, "n_hidden": 10, "test_samples_recorded": 1}
    carried_out(
        tmp_path / "a.h5", name=name, values=values, preset=preset, hardware="brainscales2,device_seed=5"
    )
    with TargetServer(SimulatedTarget(es.hardware.BrainScaleS2(device_seed=5)), name="chip") as server:
        host, port = server.address[:2]
        weights = f"weight_step={1 / 30!r},weight_limit={63 / 30!r}"
        hardware = f"tcp://{host}:{port},{weights}"
        carried_out(tmp_path / "b.h5", name=name, values=values, preset=preset, hardware=hardware)
    here, there = (es.io.load(tmp_path / f"{k}.h5") for k in "ab")
    assert here.metrics["test_accuracy"] == there.metrics["test_accuracy"]
    assert here.metrics["hardware_seconds"] == pytest.approx(there.metrics["hardware_seconds"], rel=1e-9)
    assert here.metrics["hardware_cut"] == there.metrics["hardware_cut"]
    for key, value in here.parameters.items():
        if key.startswith("weight/"):
            assert np.array_equal(value, there.parameters[key])


def test_an_address_is_for_training_and_must_be_one(tmp_path):
    with pytest.raises(ConfigError, match="address must be 'host:port', got 'nowhere'"):
        carried_out(tmp_path / "a.h5", name="fast-and-deep", values={}, hardware="tcp://nowhere")
    with pytest.raises(RunFailed, match=r"tcp://127.0.0.1:1 runs networks in training only"):
        carried_out(tmp_path / "a.h5", name="balanced-network", values={}, hardware="tcp://127.0.0.1:1")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("scenario", "preset"),
    [(FastAndDeep, "brainscales2"), (DelGrad, "brainscales2-W"), (DelGrad, "brainscales2-WA")],
)
def test_presets_of_the_chip_start_from_neurons_that_spike(scenario, preset, seed):
    task = tasks.yin_yang()
    chip, settings = es.hardware.BrainScaleS2(device_seed=seed), scenario(**scenario.presets[preset])
    learner = settings.trainer(task, seed, 1, chip).learner
    observed = learner.network.observe(learner.encode(task.samples("validation")[:200], None))
    assert (observed.first_spikes("hidden") == np.inf).mean() < 0.1


def test_a_network_too_large_ends_in_one_line(tmp_path):
    with pytest.raises(RunFailed, match="the network needs 624 neuron circuits, BrainScaleS-2 has 512"):
        carried_out(
            tmp_path / "a.h5",
            name="fast-and-deep",
            preset="brainscales2",
            values={"n_hidden": 600, "epochs": 1},
            hardware="brainscales2",
        )
    with pytest.raises(RunFailed, match=r"has its own noise; leave out threshold_offset"):
        carried_out(
            tmp_path / "a.h5",
            name="delgrad",
            values={"epochs": 1},
            preset="hw-aware-W",
            hardware="brainscales2",
        )
