"""Training of continuous networks in a run: checkpoints, series, progress, and a line for each epoch."""

from collections.abc import Callable
from typing import Any

from eventsim.models.training.earlier_states import current_state
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.scenario import Run


def train(run: Run, trainer: Trainer) -> None:
    """Train to the end, from the run's state if it has one; each epoch adds to the run's series."""
    if run.state:
        trainer.restore(current_state(run.state))
    trainer.run(checkpoint=run.checkpoint, log=run.series, progress=run.progress)


def epoch_lines(run: Run) -> Callable[[Trainer, dict[str, Any]], None]:
    """Return a callback that says the metrics of each epoch in a line."""

    def say(trainer: Trainer, metrics: dict[str, Any]) -> None:
        listed = ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in metrics.items())
        run.say(f"epoch {trainer.epoch}: {listed}")

    return say
