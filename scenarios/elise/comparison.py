"""Many networks: the same pattern for each value of a key, and for seeds that follow each other."""

from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import fields, replace
from typing import Any

import numpy as np

from eventsim.scenarios.elise import learning
from eventsim.scenarios.elise.network import draw
from eventsim.scenarios.elise.player import Player
from eventsim.scenarios.elise.song import scaled, voices_of
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

__all__ = ["teach_all"]

RESULTS = (
    "test_correlation",
    "replay_correlation",
    "replay_cycles",
    "drift_ms_per_cycle",
    "scaffold_coverage",
)


def teach_all(config: Any, run: Run) -> None:
    """Teach a network for each value and seed, on as many threads as the run may use; each result is kept."""
    values: tuple[Any, ...] = config.compared or (getattr(config, config.varied),)
    kind = next(field for field in fields(config) if field.name == config.varied).type
    whole = "int" in str(kind).split("Annotated[")[-1].split(",")[0]
    jobs = [(value, seed) for value in values for seed in range(run.seed, run.seed + config.networks)]
    done: dict[str, Any] = dict(run.state["done"]) if run.state else {}
    todo = [k for k in range(len(jobs)) if str(k) not in done]
    with run.progress(len(jobs), "network", len(done)) as bar, ThreadPoolExecutor(run.threads) as pool:
        waiting: dict[Future[Any], int] = {}
        for k in todo:
            value, seed = jobs[k]
            changed = replace(config, **{config.varied: int(value) if whole else float(value)})
            waiting[pool.submit(_teach, changed, seed, run)] = k
        while waiting:
            for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                k = waiting.pop(future)
                found = future.result()
                if found is None:
                    continue
                done[str(k)] = np.array([found[name] for name in RESULTS])
                value, seed = jobs[k]
                run.say(f"{config.varied} {value:g}, seed {seed}: replay {found['replay_correlation']:.3f}")
                bar.update()
                if not run.interrupted:
                    run.checkpoint(lambda: {"done": dict(done)}, force=True)
    run.checkpoint(lambda: {"done": dict(done)}, force=run.interrupted)
    table = np.stack([done[str(k)] for k in range(len(jobs))])
    run.parameter("table/value", np.array([float(value) for value, _ in jobs]))
    run.parameter("table/seed", np.array([seed for _, seed in jobs]))
    for column, name in enumerate(RESULTS):
        run.parameter(f"table/{name}", table[:, column])
    for value in dict.fromkeys(values):
        rows = [k for k, job in enumerate(jobs) if job[0] == value]
        for column, name in enumerate(RESULTS[:4]):
            run.metric(f"{name}_{config.varied}_{value:g}", _median(table[rows, column]))
    if len(values) == 1:
        for column, name in enumerate(RESULTS[:4]):
            run.metric(name, _median(table[:, column]))


def _median(values: Floats) -> float:
    """Return the median of the values that are numbers; nan without."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if len(finite) else float("nan")


def _teach(config: Any, seed: int, run: Run) -> dict[str, float] | None:
    """Return the metrics of one network, None if the run is to stop."""
    voices = voices_of(config)
    config = scaled(config, voices[0])
    structure = draw(config, sum(voice.n for voice in voices), seed)
    player = Player(config, voices, structure, seed)
    test = np.nan
    for _, metrics in learning.learn(player, seed, config.cycles):
        test = metrics.get("test_correlation", test)
        if run.interrupted:
            return None
    found = learning.replay(player, config.replay_cycles, 0)
    return {
        "test_correlation": float(test),
        "scaffold_coverage": structure.scaffold.coverage(),
    } | learning.replay_metrics(found, player.pattern.duration)
