"""``eventsim show FILE --neurobench``: the trained network of a run, measured."""

import json

import pytest

from eventsim.errors import ConfigError
from eventsim.scenarios import cli, running
from eventsim.scenarios.running import Request
from eventsim.scenarios.shell import measured_runs

RUNS = {
    "fast-and-deep": {"epochs": 1, "n_hidden": 10},
    "delgrad": {"epochs": 1, "n_hidden": 8},
    "temporal-hierarchy": {"epochs": 1, "n_hidden": 6, "networks": 1, "compared": ()},
    "quantized-ssm": {"epochs": 1, "n_heads": 4, "n_states": 4, "train_samples": 60, "qat_epochs": 1},
    "minimalist": {"epochs": 1, "hidden": (8,), "train_samples": 60, "test_samples": 40, "networks": 1},
    "mgrade": {"epochs": 1, "n_channels": 8, "depth": 1, "train_samples": 60},
    "latent-equilibrium": {"epochs": 1, "hidden": (8,), "task": "digits"},
    "yin-yang": {"epochs": 1, "runs": 2},
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, found = tmp_path_factory.mktemp("runs"), {}

    def of(name):
        if name not in found:
            path = folder / f"{name}.h5"
            preset = "quick" if name in ("temporal-hierarchy", "quantized-ssm") else None
            request = Request(name=name, values=RUNS[name], preset=preset, output=path, quiet=True, threads=1)
            found[name] = running.execute(request)
        return found[name]

    return of


@pytest.mark.parametrize("name", RUNS)
def test_the_network_in_the_file_has_the_accuracy_of_the_run(files, name):
    outcome = files(name)
    results = measured_runs.measure(outcome.path)
    expected = outcome.run.metrics.get("test_accuracy")
    if expected is not None:
        assert results["ClassificationAccuracy"] == pytest.approx(expected, abs=1e-12)
    assert (
        results["SynapticOperations"]["Effective_MACs"] + results["SynapticOperations"]["Effective_ACs"] > 0
    )
    assert results.ours["Scenario"] == name


def test_the_command_prints_one_object(files, capsys):
    path = files("delgrad").path
    assert cli.main(["show", str(path), "--neurobench", "--json", "--step", "0.5"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["SynapticOperations"]["Dense"] > 0
    assert 0 < found["ActivationSparsity"] < 1
    assert found["eventsim"]["Engine"]["QueueOperations"] > 0
    assert cli.main(["show", str(path), "--neurobench"]) == 0
    assert "of eventsim:" in capsys.readouterr().out
    assert cli.main(["show", str(path), "--step", "0.5"]) == 2
    assert "--step and --data are for --neurobench" in capsys.readouterr().err


def test_of_several_networks_the_first_is_measured_and_named(tmp_path):
    values = RUNS["mgrade"] | {"study": "controls"}
    path = tmp_path / "run.h5"
    run = running.execute(Request(name="mgrade", values=values, output=path, quiet=True, threads=1)).run
    results = measured_runs.measure(path)
    assert results["ClassificationAccuracy"] == pytest.approx(run.metrics["test_accuracy_mgrade"], abs=1e-12)
    assert results.ours["Network"] == "mgrade, the first of 3"


def test_a_run_without_a_trained_classifier_says_so(tmp_path):
    path = tmp_path / "run.h5"
    values = {"n_excitatory": 40, "n_inhibitory": 10, "duration": 5.0}
    known = running.scenario_kind("balanced-network").__dataclass_fields__
    values = {key: value for key, value in values.items() if key in known}
    running.execute(Request(name="balanced-network", values=values, output=path, quiet=True, threads=1))
    with pytest.raises(ConfigError, match="no one trained classifier or regressor in its file"):
        measured_runs.measure(path)
