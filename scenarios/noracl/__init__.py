"""NORACL: a network that grows while it learns one task after the other, and stays small if it can.

A fixed network must be sized for tasks that nobody knows yet. Raghunathan et al. (2026) begin with a small
network and add units to a hidden layer when two signals agree: its activations have used up their dimensions,
and earlier tasks need even its least important weights. New units change nothing until they learn.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventsim.errors import ConfigError
from eventsim.registry import register
from eventsim.scenarios.noracl.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.models.growth import ContinualTrainer, Growth
    from eventsim.scenarios.noracl.streams import ImageStream

LEAST = 12  # units from which on a full representation asks for a unit with every size rule


@register("scenario", "noracl")
@dataclass(frozen=True, slots=True, kw_only=True)
class Noracl(Settings):
    """Growing networks on streams of tasks, beside networks of constant size."""

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        return () if self.dataset == "digits" else (self.dataset,)

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.noracl import plots

        return plots.available(trace)

    def run(self, run: Run) -> None:
        """Take the network through the stream, then those of constant widths."""
        self._check()
        from eventsim.models.training.batches import seeded
        from eventsim.scenarios.noracl import network, results, streams

        rng = seeded(run.seed)
        stream = streams.tasks(self, run, rng)
        names = ["", *(f"static_{width}" for width in self.static_widths), *self.controls]
        first = int(run.state["network"]) if run.state else 0
        for place, name in enumerate(names[first:], first):
            hidden, how = self._network(run, name, len(stream))
            trainer = network.trainer(self, stream, rng, hidden, how, run.threads)
            if place == first and run.state and run.state["trainer"]:
                trainer.restore(run.state["trainer"])
            self._train(run, stream, trainer, place, f"{name}_" if name else "")
            if name:
                results.keep_beside(run, trainer, name)
            else:
                results.keep(run, trainer)
        results.compare(run)

    def _network(self, run: Run, name: str, n_tasks: int) -> "tuple[tuple[int, ...], Growth | None]":
        """Return hidden widths at the start of a network, and how it grows."""
        from eventsim.scenarios.noracl import network

        if not name:
            return self.hidden, network.growth_of(self) if self.model == "growing" else None
        if name.startswith("static_"):
            return (int(name.partition("_")[2]),) * len(self.hidden), None
        final = tuple(int(run.metrics[f"width_{layer + 1}"]) for layer in range(len(self.hidden)))
        if name == "matched":
            return final, None
        added = [end - start for end, start in zip(final, self.hidden, strict=True)]
        return self.hidden, network.growth_of(self, network.even_plan(added, n_tasks))

    def _train(
        self, run: Run, stream: "ImageStream", trainer: "ContinualTrainer", place: int, prefix: str
    ) -> None:
        trainer.run(
            checkpoint=lambda now: run.checkpoint(
                lambda: {"dataset": stream.name, "network": place, "trainer": now()}
            ),
            log=lambda name, value: run.series(prefix + name, value),
            progress=run.progress,
        )

    def _check(self) -> None:
        """Raise a ConfigError for settings that do not fit together."""
        if self.model == "growing" and self.size_rule == "floor" and min(self.hidden) < LEAST:
            raise ConfigError(
                f"hidden layers must start with at least {LEAST} units, got {min(self.hidden)}: "
                "with size_rule=floor smaller ones may never grow; size_rule=north grows from 1 on"
            )
        if self.stream == "split" and self.tasks > 5:
            raise ConfigError(f"tasks must be at most 5 of a split stream of ten classes, got {self.tasks}")
        if self.controls and self.model != "growing":
            raise ConfigError(f"controls stand beside a growing network, got model={self.model}")
        if self.model == "growing" and self.probe_samples < max(self.hidden):
            raise ConfigError(
                f"probe_samples must be at least the units of a hidden layer, {max(self.hidden)}, "
                f"got {self.probe_samples}"
            )
