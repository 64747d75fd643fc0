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
