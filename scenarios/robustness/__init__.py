"""What imperfect hardware costs: first-spike networks on Yin-Yang, trained in the loop and not, over
imperfections.

One imperfection at a time is put on the chip, at several levels. A network is trained with this chip in the
loop and tested on it; and the network of the same seed that was trained without any imperfection is put on
the same chip as it is. Each seed has its own weights and its own device (Göltz et al. 2021, figure 5; Göltz
et al. 2025).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eventsim.errors import ConfigError
from eventsim.io.analysis import spread
from eventsim.registry import register
from eventsim.scenarios import tasks
from eventsim.scenarios.delgrad import DelGrad
from eventsim.scenarios.fast_and_deep import FastAndDeep
from eventsim.scenarios.robustness.imperfections import COPIES, LEVELS, parts_of
from eventsim.scenarios.robustness.settings import Settings
from eventsim.scenarios.scenario import Run, Table
from eventsim.trace import Trace

if TYPE_CHECKING:
    from concurrent.futures import Future, ProcessPoolExecutor

    from eventsim.models.training.trainer import Trainer

Job = tuple[str, float, int, int]  # imperfection, level, copies of the inputs, seed


@register("scenario", "robustness")
@dataclass(frozen=True, slots=True, kw_only=True)
class Robustness(Settings):
    """Accuracy over the imperfections of a chip, trained with it in the loop and without it."""

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.robustness import plots

        return plots.available(trace)

    @staticmethod
    def tables(trace: Trace) -> tuple[Table, ...]:
        """Return the accuracy over the levels of each imperfection."""
        from eventsim.scenarios.robustness import plots

        return (plots.summary_table(trace),)

    def run(self, run: Run) -> None:
        """Measure all points, in as many processes as there are threads."""
        from concurrent.futures import FIRST_COMPLETED, wait

        jobs = list(self._jobs(run.seed))
        found: dict[str, dict[str, float]] = dict(run.state["found"]) if run.state else {}
        waiting = [job for job in jobs if _label(job) not in found]
        with run.progress(len(jobs), "network", len(found)) as bar, _pool(run.threads) as pool:
            running: dict[Future[dict[str, float]], Job] = {}
            while waiting or running:
                run.checkpoint(lambda: {"found": found})
                while waiting and len(running) < run.threads:
                    job = waiting.pop(0)
                    running[pool.submit(measured, self, job)] = job
                for done in wait(running, timeout=1.0, return_when=FIRST_COMPLETED).done:
                    job = running.pop(done)
                    found[_label(job)] = done.result()
                    run.say(f"{_label(job)}: {100 * found[_label(job)]['test']:.1f} % of the test set")
                    bar.update(1)
        self._report(run, found)

    def chosen(self) -> tuple[str, ...]:
        """Return the imperfections to look at.

        Raises
        ------
        ConfigError
            If one is unknown.
        """
        for name in self.imperfections:
            if name not in LEVELS:
                raise ConfigError(f"no imperfection is called {name!r}; known: {', '.join(LEVELS)}")
        delays = self.system == "delgrad" and self.preset not in ("W", "W-5")
        return self.imperfections or tuple(name for name in LEVELS if delays or not name.startswith("delay"))

    def settings(self, copies: int) -> FastAndDeep | DelGrad:
        """Return what is trained, with so many lines for each input."""
        kind: Any = FastAndDeep if self.system == "fast-and-deep" else DelGrad
        if self.preset and self.preset not in kind.presets:
            raise ConfigError(
                f"{self.system} has no preset {self.preset!r}; known: {', '.join(kind.presets)}"
            )
        values = kind.presets[self.preset] if self.preset else {}
        own = {
            "n_hidden": self.n_hidden,
            "epochs": self.epochs,
            "batch": self.batch,
            "learning_rate": self.learning_rate,
            "decay_every": self.decay_every,
            "decay": self.decay,
            "max_missing": (0.3, self.missing_labels),
            "copies": copies,
        }
        if copies > 1:  # as much in all, so that the lines together start where one line does
            mean, std = (kind(**values).init_mean, kind(**values).init_std)
            own["init_mean"] = (mean[0] / copies, mean[1])
            own["init_std"] = (std[0] / copies, std[1])
        settings: FastAndDeep | DelGrad = kind(**(values | own))
        return settings

    def trainer(self, copies: int, seed: int, hardware: Any) -> "Trainer":
        """Return the trainer of one network, with hardware in the loop if there is some."""
        return self.settings(copies).trainer(tasks.yin_yang(), seed, 1, hardware)

    def hardware(self, imperfection: str, level: float, seed: int) -> Any:
        """Return the chip with one imperfection; each seed has a device of its own."""
        from eventsim.hardware.substrate import Substrate

        tau_syn = self.settings(1).tau_syn
        return Substrate(
            parts_of(imperfection, level, tau_syn, self.weight_limit), device_seed=seed, seed=seed
        )

    def _jobs(self, first: int) -> Iterator[Job]:
        """Return what is to be trained: networks without imperfections, then those of each point."""
        points = [(name, level) for name in self.chosen() for level in LEVELS[name]]
        for seed in range(first, first + self.networks):
            for copies in sorted({_copies(name) for name, _ in points} | {1}):
                yield "none", 0.0, copies, seed
        for seed in range(first, first + self.networks):
            for name, level in points:
                yield name, level, _copies(name), seed

    def _report(self, run: Run, found: dict[str, dict[str, float]]) -> None:
        """Put the table into the run: rows (imperfection, level), columns mean and spread of both."""
        names = self.chosen()
        seeds = range(run.seed, run.seed + self.networks)
        clean = np.array([found[_label(("none", 0.0, 1, seed))]["test"] for seed in seeds])
        run.metric("test_accuracy", clean.mean())
        run.metric("test_accuracy_std", spread(clean))
        rows: list[tuple[float, ...]] = []
        for k, name in enumerate(names):
            for level in LEVELS[name]:
                loop = [found[_label((name, level, _copies(name), seed))]["test"] for seed in seeds]
                untrained = [
                    found[_label(("none", 0.0, _copies(name), seed))][f"{name}/{level:g}"] for seed in seeds
                ]
                row = [k, level]
                for values in (np.array(loop), np.array(untrained)):
                    row += [values.mean(), spread(values)]
                rows.append(tuple(row))
                run.metric(f"{name}_{level:g}_in_the_loop", row[2])
                run.metric(f"{name}_{level:g}_without", row[4])
        run.parameter("robustness/table", np.array(rows))
        run.parameter("robustness/clean", clean)
        run.file.put(provenance={"imperfections": " ".join(names)})


def measured(scenario: Robustness, job: Job) -> dict[str, float]:
    """Return the test accuracies of one network: its own, and without imperfections that on each chip too."""
    from eventsim.scenarios.on_hardware import on_target

    name, level, copies, seed = job
    hardware = None if name == "none" else scenario.hardware(name, level, seed)
    trainer = scenario.trainer(copies, seed, hardware).run()
    learner: Any = trainer.learner
    accuracies = {"test": learner.accuracy("test", trainer.epoch)}
    if hardware is None:
        until = scenario.settings(copies).hardware_slot * scenario.settings(copies).tau_syn
        for other in scenario.chosen():
            if _copies(other) == copies:
                for each in LEVELS[other]:
                    loop = on_target(learner.network, scenario.hardware(other, each, seed), until)
                    on_chip = replace(learner, network=loop)
                    accuracies[f"{other}/{each:g}"] = on_chip.accuracy("test", trainer.epoch)
    return accuracies


def _copies(imperfection: str) -> int:
    return COPIES if imperfection.endswith("_copies") else 1


def _label(job: Job) -> str:
    name, level, copies, seed = job
    return f"{name}_{level:g}_{copies}_{seed}"


def _pool(n: int) -> "ProcessPoolExecutor":
    """Return a pool of processes that start anew: threads of ours do not survive a fork."""
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    return ProcessPoolExecutor(n, mp_context=get_context("spawn"))
