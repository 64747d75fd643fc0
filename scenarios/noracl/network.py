"""The networks of a run and their trainers: one that grows, or those of constant widths."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from eventsim.models.growth import (
    EWC,
    ContinualTrainer,
    GrowingLearner,
    Growth,
    SynapticIntelligence,
    perceptron,
)
from eventsim.models.training.batches import Streams
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.sgd import SGD

if TYPE_CHECKING:
    from eventsim.scenarios.noracl.settings import Settings
    from eventsim.scenarios.noracl.streams import ImageStream

__all__ = ["even_plan", "growth_of", "trainer"]

Number = TypeVar("Number", int, float)


def growth_of(settings: "Settings", plan: tuple[tuple[int, ...], ...] = ()) -> Growth:
    """Return how the network of a run grows, or how it follows a plan (tasks, hidden layers) of new units."""
    return Growth(
        trigger="fixed_pertask" if plan else settings.trigger,
        plan=plan,
        gamma=settings.gamma,
        size_rule=settings.size_rule,
        k_fixed=settings.k_fixed,
        epsilon=settings.epsilon,
        scale=settings.scale,
        percentile=settings.percentile,
        entries=settings.entries,
        threshold=settings.threshold,
        threshold_decay=settings.fisher_decay,
        init=settings.init,
        init_scale=settings.init_scale,
        cooldown=settings.cooldown,
        boost=settings.lr_boost,
        optimiser=settings.after_growth,
        probe_samples=settings.probe_samples,
        largest=settings.largest,
    )


def trainer(
    settings: "Settings",
    stream: "ImageStream",
    rng: Streams,
    hidden: Sequence[int],
    growth: Growth | None,
    threads: int = 1,
) -> ContinualTrainer:
    """Return what takes a network with these hidden layers through the stream."""
    model = perceptron(
        stream.n_inputs,
        hidden,
        stream.n_classes,
        rng("weights"),
        activation=settings.activation,
        first_weights=settings.first_weights,
    )
    model.threads = threads
    rate = settings.learning_rate
    held_by_ewc = settings.method == "ewc"
    learner = GrowingLearner(
        model=model,
        optimiser=Adam(rate) if settings.optimiser == "adam" else SGD(rate),
        task=stream[0],
        rng=rng,
        block=1024,
        growth=growth,
        ewc=EWC(settings.importance if held_by_ewc else 0.0, settings.fisher_form, settings.fisher_decay),
        intelligence=(
            SynapticIntelligence(settings.si_strength, settings.si_damping)
            if settings.method == "si"
            else None
        ),
        gradients=settings.fisher_gradients,
        fisher_samples=settings.fisher_samples,
    )
    return ContinualTrainer(
        learner,
        stream,
        epochs=_of_first(settings.first_epochs, settings.epochs),
        batch=settings.batch,
        rng=rng,
        rate_factor=_of_first(settings.first_learning_rate / rate, 1.0),
    )


def even_plan(added: Sequence[int], n_tasks: int) -> tuple[tuple[int, ...], ...]:
    """Return new units by task and hidden layer that add up to `added`, as even as whole numbers can be.

    >>> even_plan((7, 0), 3)
    ((2, 0), (2, 0), (3, 0))
    """
    return tuple(
        tuple((task + 1) * total // n_tasks - task * total // n_tasks for total in added)
        for task in range(n_tasks)
    )


def _of_first(first: Number, others: Number) -> Callable[[int], Number]:
    return lambda task: first if task == 0 else others
