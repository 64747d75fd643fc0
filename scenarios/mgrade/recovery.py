"""Recovery of the delays of a known filter by a delay convolution, from several starts side by side.

    y[t] = 0.7 x[t - 3.4] - 0.5 x[t - 11.2]          shifted exactly, by turning phases of the spectrum

x is noise of unit variance without frequencies above 0.1 cycles a sample. The taps start at random delays; a
triangle sees the two neighbouring samples only, so that about half of the starts end at the wrong minimum.
Each start is a channel of one layer: its loss does not depend on the others.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.random import Generator

from eventsim.models.layers import DelayConv, LayerLearner, Sequential
from eventsim.models.layers.delay_conv import keep_positions_inside
from eventsim.models.training.batches import Batches, seeded
from eventsim.models.training.optimisers import Adam
from eventsim.models.training.task import Task
from eventsim.models.training.trainer import Trainer
from eventsim.scenarios.continuous_training import train
from eventsim.scenarios.mgrade.learner import Narrowing
from eventsim.scenarios.mgrade.losses import ScoredSquaredError
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim.scenarios.mgrade.settings import Settings

__all__ = ["DELAYS", "WEIGHTS", "filtered_noise", "recover"]

DELAYS, WEIGHTS = (3.4, 11.2), (0.7, -0.5)
SAMPLES, HIGHEST = 4096, 0.1  # cycles a sample


def filtered_noise(n: int, highest: float, rng: Generator) -> tuple[Floats, Floats]:
    """Return noise of unit variance without frequencies above `highest`, and what the filter makes of it."""
    spectrum, f = np.fft.rfft(rng.normal(size=n)), np.fft.rfftfreq(n)
    spectrum[f > highest] = 0
    spectrum /= np.fft.irfft(spectrum, n).std()
    turned = sum(
        weight * np.exp(-2j * np.pi * f * delay) for weight, delay in zip(WEIGHTS, DELAYS, strict=True)
    )
    return np.fft.irfft(spectrum, n), np.fft.irfft(spectrum * turned, n)


def recover(settings: "Settings", run: Run) -> None:
    """Learn the filter from all starts; the best one counts, and how many come as close."""
    n = settings.starts
    x, y = filtered_noise(SAMPLES, HIGHEST, run.rng("noise"))
    shown = np.repeat(x[None, :, None], n, axis=2)
    wanted = np.repeat(y[None, :, None], n, axis=2)
    wanted[:, : settings.window] = np.nan  # a shift by phases turns the end of the noise to its beginning
    layer = DelayConv(
        settings.taps,
        settings.window,
        kernel=settings.kernel,
        positions=settings.positions,
        train_positions=settings.train_positions,
        spread=settings.first_spread,
    )
    model = Sequential([layer])
    model.build(n, run.rng("weights"), np.float64)
    model.threads = run.threads
    both = layer.parameters | layer.buffers
    start = both["position"].copy()
    rate = settings.learning_rate
    learner = LayerLearner(
        model=model,
        optimiser=Adam({"weight": rate, "position": rate * settings.position_factor}),
        task=Task("position-recovery", n, n, {"train": (shown, wanted)}),  # type: ignore[dict-item]
        loss=ScoredSquaredError(),
        rng=seeded(run.seed),
        constraint=keep_positions_inside,
    )
    narrowing = Narrowing(model, settings.first_spread)
    train(run, Trainer(learner, Batches(1, 1), epochs=settings.epochs, callbacks=[narrowing]))
    errors = np.nanmean((model.forward(np.moveaxis(shown, 0, 1))[:, 0] - wanted[0]) ** 2, axis=0)
    order = np.argsort(both["position"], axis=1)
    found = np.take_along_axis(both["position"], order, axis=1)
    best = int(np.argmin(errors))
    run.metric("mse", errors[best])
    if settings.taps == len(DELAYS):
        away = np.abs(found - DELAYS).max(axis=1)
        run.metric("position_error", away[best])
        run.metric("starts_that_find_both", float((away < 0.1).sum()))
    run.parameter("positions/trained", both["position"][None])
    run.parameter("positions/start", start[None])
    run.parameter("positions/weight", both["weight"][None])
    run.parameter("recovery/mse", errors)
