"""A scenario of somebody else: a package with an entry point, or a class in a script."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import commands
from eventsim import io, registry
from eventsim.errors import ConfigError
from eventsim.scenarios import running

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "own_scenario.py"
COINS = '''
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le

from eventsim.registry import register
from eventsim.scenarios import Run, Scenario


@register("scenario", "coins")
@dataclass(frozen=True, slots=True, kw_only=True)
class Coins(Scenario):
    """Throws coins."""

    paper = "Nobody 1900, Coins"
    presets = {"bent": {"p": 0.9}}
    sections = {"coin": ("p",), "experiment": ("throws",)}

    p: Annotated[float, Ge(0), Le(1), "probability of heads"] = 0.5
    throws: Annotated[int, Ge(1), "of a coin"] = 40

    def run(self, run: Run) -> None:
        heads = run.rng("throws").random(self.throws) < self.p
        run.metric("heads", heads.mean())
        for k in range(self.throws):
            run.series("share", heads[: k + 1].mean())
'''


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the path with the package `coins`, which names itself by an entry point."""
    folder = tmp_path / "site"
    (folder / "coins").mkdir(parents=True)
    (folder / "coins" / "__init__.py").write_text(COINS)
    info = folder / "coins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: coins\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eventsim.parts]\ncoins = coins\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def command(*words: str) -> "subprocess.CompletedProcess[str]":
    return commands.run(*words)


def test_a_package_adds_a_scenario_to_every_command(site):
    listed = {each["name"]: each for each in json.loads(command("list", "--json").stdout)["scenarios"]}
    assert listed["coins"]["paper"] == "Nobody 1900, Coins"
    text = command("list", "coins").stdout
    assert "coin:\n  p = 0.5" in text
    assert "experiment:\n  throws = 40" in text
    done = command("run", "coins", "--preset", "bent", "throws=400", "--seed", "3", "-o", "coins.h5")
    assert (done.returncode, done.stderr) == (0, "")
    shown = json.loads(command("show", "coins.h5", "--json").stdout)
    assert shown["config"] == {"p": 0.9, "throws": 400}
    assert 0.85 < shown["metrics"]["heads"] < 0.95
    assert command("plot", "coins.h5", "-o", "coins.png").returncode == 0
    assert Path("coins.png").stat().st_size > 1000
    refused = command("run", "coins", "p=1.5")
    assert refused.returncode == 2
    assert "p = 1.5: must be at most 1" in refused.stderr


def test_a_package_that_cannot_be_imported_is_named_and_takes_nothing_with_it(site):
    (site / "coins" / "__init__.py").write_text("import a_module_that_is_not_there\n")
    done = command("list")
    assert done.returncode == 0
    assert "yin-yang" in done.stdout
    assert "'coins'" in done.stderr
    assert "a_module_that_is_not_there" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("broken", ["@dataclass(frozen=True, slots=True, kw_only=True)\n", "(Scenario)"])
def test_a_class_that_is_no_scenario_is_refused_with_what_is_wanted(site, broken):
    (site / "coins" / "__init__.py").write_text(COINS.replace(broken, ""))
    done = command("run", "coins")
    assert done.returncode == 2
    assert "must be a frozen dataclass that derives from eventsim.scenarios.Scenario" in done.stderr


def test_a_scenario_without_a_run_is_refused(site):
    (site / "coins" / "__init__.py").write_text(COINS.partition("    def run")[0])
    done = command("run", "coins")
    assert done.returncode == 2
    assert "run" in done.stderr
    assert not list(Path().glob("*.h5"))


def test_every_scenario_of_ours_fits_the_contract():
    for name in registry.parts("scenario"):
        assert running.scenario_kind(name).paper


def test_what_is_registered_must_be_a_class(monkeypatch):
    monkeypatch.setitem(registry._parts["scenario"], "thing", object())
    with pytest.raises(ConfigError, match="derives from"):
        running.scenario_kind("thing")


def test_the_example_is_short_and_runs(tmp_path):
    assert len(EXAMPLE.read_text().splitlines()) <= 40
    path = tmp_path / "own.h5"
    words = ["run", "coincidence", "--preset", "slow", "n_inputs=20", "-o", str(path)]
    done = subprocess.run(
        [sys.executable, "-P", str(EXAMPLE), *words], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    trace = io.load(path)
    assert trace.metrics["least_inputs"] == 2
    assert trace.provenance["preset"] == "slow"
