"""Training of continuous networks in a run: checkpoints, series, and progress."""

from eventsim.models.training.earlier_states import current_state
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.scenario import Run


def train(run: Run, trainer: Trainer) -> None:
    """Train to the end, from the run's state if it has one; each epoch adds to the run's series."""
    if run.state:
        trainer.restore(current_state(run.state))
    trainer.run(checkpoint=run.checkpoint, log=run.series, progress=run.progress)
    run.last_state = trainer.state()
