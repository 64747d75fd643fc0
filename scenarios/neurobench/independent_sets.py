"""The QUBO task: all graphs by both solvers within the same time, and the gaps to the best known costs.

This is a simulation on the processor of this machine. Of the benchmark's system track it has the workload,
the quality of the solutions and the software's own times; no power or energy follows from it.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import ConfigError
from eventsim.scenarios.neurobench import solvers
from eventsim.scenarios.neurobench.graphs import BEST_KNOWN, gap, random_graph
from eventsim.scenarios.scenario import Run

if TYPE_CHECKING:
    from eventsim.scenarios.neurobench.settings import Settings

__all__ = ["solve"]

SOLVERS = {"spiking": solvers.spiking, "annealing": solvers.annealing}
TARGETS = (0.1, 0.05, 0.01)  # gaps to which time is measured


def solve(settings: "Settings", run: Run) -> None:
    """Put gaps and times into the run: arrays ``qubo/...`` (solver, size, density, instance)."""
    for n in settings.sizes:
        for density in settings.densities:
            if n not in BEST_KNOWN or density not in BEST_KNOWN[n]:
                raise ConfigError(
                    f"no best cost is known of {n} nodes at density {density}; sizes: "
                    f"{', '.join(map(str, BEST_KNOWN))}; densities: 0.01, 0.05, 0.1, 0.25"
                )
    run.note(
        "simulated on this machine's processor: times are those of software, they differ from run to run, "
        "and no power is measured"
    )
    found: dict[str, Any] = dict(run.state["found"]) if run.state else {}
    shape = len(settings.sizes), len(settings.densities), settings.instances
    with run.progress(int(np.prod(shape)), "graph", len(found)) as bar:
        for place in np.ndindex(shape):
            label = "-".join(map(str, place))
            if label in found:
                continue
            run.checkpoint(lambda: {"found": found})
            n, density, seed = settings.sizes[place[0]], settings.densities[place[1]], place[2]
            found[label] = _measured(settings, n, density, seed, run.seed)
            bar.update(1)
    rows = np.stack([found["-".join(map(str, place))] for place in np.ndindex(shape)])
    table = np.moveaxis(rows.reshape(*shape, len(SOLVERS), -1), 3, 0)
    _report(settings, run, table)


def _measured(settings: "Settings", n: int, density: float, seed: int, run_seed: int) -> Any:
    """Return gap, cost, seconds to the best, seconds to each target and events a second, by solver."""
    graph, best = random_graph(n, density, seed), -BEST_KNOWN[n][density][seed]
    rows = []
    for solver in SOLVERS.values():
        found = solver(graph, settings.time_limit, run_seed)
        if graph.cost(found.nodes) != found.cost:
            raise AssertionError(f"a set of cost {graph.cost(found.nodes)} was reported as {found.cost}")
        targets = [found.seconds_to(best + each * abs(best)) for each in TARGETS]
        last = found.history[-1][0] if found.history else np.inf
        rows.append([gap(found.cost, best), found.cost, last, *targets, found.events / settings.time_limit])
    return np.array(rows)


def _report(settings: "Settings", run: Run, table: Any) -> None:
    run.parameter("qubo/sizes", np.array(settings.sizes))
    run.parameter("qubo/densities", np.array(settings.densities))
    names = ("gap", "cost", "seconds", *(f"seconds_to_{each:g}" for each in TARGETS), "events_a_second")
    for k, name in enumerate(names):
        run.parameter(f"qubo/{name}", table[..., k])
    for solver, rows in zip(SOLVERS, table, strict=True):
        run.metric(f"gap_{solver}", rows[..., 0].mean())
        run.metric(f"best_known_{solver}", (rows[..., 0] <= 0).mean())
        for size, each in zip(settings.sizes, rows, strict=True):
            run.metric(f"gap_{solver}_{size}", each[..., 0].mean())
    behind = (table[0, ..., 1] - table[1, ..., 1]) / np.abs(table[1, ..., 1])
    run.metric("spiking_behind_annealing", behind.mean())
