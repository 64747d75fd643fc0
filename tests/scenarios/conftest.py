"""A small scenario that can be stopped, made to fail, and counted on."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import pytest
from annotated_types import Ge

from eventsim import registry
from eventsim.scenarios.scenario import Run, Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk(Scenario):
    """A random walk, one step after the other."""

    paper: ClassVar[str] = "none"
    presets: ClassVar[dict[str, dict[str, object]]] = {"short": {"steps": 3}}
    stop_at: ClassVar[int | None] = None  # as if Ctrl-C came then
    fail_at: ClassVar[int | None] = None

    steps: Annotated[int, Ge(0), "steps of the walk"] = 10
    width: Annotated[float, Ge(0), "of a step"] = 1.0

    def run(self, run: Run) -> None:
        """Walk."""
        state = run.state or {"step": 0, "place": np.zeros(3)}
        place = np.array(state["place"])
        if not run.file.populations:
            run.file.add_population("steps", 5)
        for step in range(int(state["step"]), self.steps):
            run.checkpoint({"step": step, "place": place.copy()}, force=step % 2 == 0)
            if step == type(self).fail_at:
                raise ZeroDivisionError("the walk met a wall")
            place += self.width * run.rng("walk", step).normal(size=3)
            run.series("distance", np.linalg.norm(place))
            run.file.append_spikes("steps", [float(step)], [step % 5])
            if step == type(self).stop_at:
                run.interrupted = True
        run.parameter("place", place)
        run.metric("distance", np.linalg.norm(place))


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch) -> type[Walk]:
    registry.parts("scenario")
    monkeypatch.setitem(registry._parts["scenario"], "walk", Walk)
    monkeypatch.setattr(Walk, "stop_at", None)
    monkeypatch.setattr(Walk, "fail_at", None)
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    return Walk


TOY = '''
"""A scenario of somebody else, with a paper of its own."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from eventsim.registry import register
from eventsim.scenarios import Run, Scenario


@register("scenario", "toy")
@dataclass(frozen=True, slots=True, kw_only=True)
class Toy(Scenario):
    """Throws coins."""

    paper: ClassVar[str] = "Nobody 1900, Coins"
    presets: ClassVar[dict[str, dict[str, object]]] = {"fair": {}, "bent": {"p": 0.9}, "slow": {"pause": 0.1}}

    p: Annotated[float, Ge(0), "probability of heads"] = 0.5
    throws: Annotated[int, Ge(1), "of a coin"] = 40
    pause: Annotated[float, Ge(0), "s, after each throw"] = 0.0

    def run(self, run: Run) -> None:
        with open(os.environ["TOY_LOG"], "a") as log:
            log.write(f"{self.p} {run.seed} {run.state is not None}\\n")
        if self.p > 1:
            raise ValueError("a coin cannot do that")
        heads = [bool(x) for x in (run.state or {}).get("heads", [])]
        for k in range(len(heads), self.throws):
            run.checkpoint({"heads": np.array(heads)}, force=self.pause > 0)
            heads.append(bool(run.rng("throw", k).random() < self.p))
            time.sleep(self.pause)
        run.metric("heads", np.mean(heads))
        run.parameter("throws", np.array(heads, float))
'''


@pytest.fixture
def toy_site(tmp_path, monkeypatch):
    """A package that announces a scenario by an entry point, in a folder on the path; we are beside it."""
    site = tmp_path / "site"
    (site / "toy_scenario").mkdir(parents=True)
    (site / "toy_scenario" / "__init__.py").write_text(TOY)
    info = site / "toy_scenario-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-scenario\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[eventsim.parts]\ntoy = toy_scenario\n")
    monkeypatch.setenv("PYTHONPATH", str(site))
    monkeypatch.setenv("TOY_LOG", str(tmp_path / "log"))
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return site
