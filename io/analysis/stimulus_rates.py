"""The rate of a population over the time since a stimulus, averaged over its repetitions."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from eventsim.hints import hinting
from eventsim.io.analysis.counting import Measured, bin_edges, per_second
from eventsim.io.analysis.population_spikes import PopulationSpikes, number_of_units
from eventsim.io.plain import real_array
from eventsim.io.plots.styling import COLOURS, axes_or_new, set_title, time_label
from eventsim.spike_trains import SpikeTrains
from eventsim.trace import Floats

__all__ = ["plot_psth", "psth"]


@hinting
def psth(
    spikes: Measured | SpikeTrains,
    stop: float,
    *,
    width: float = 1.0,
    onsets: ArrayLike | None = None,
    start: float = 0.0,
    n: int | None = None,
    time_unit: str | None = None,
) -> tuple[Floats, Floats]:
    """Return the peristimulus time histogram: centres of bins, and the mean rate of a unit in each of them.

    Parameters
    ----------
    spikes : SpikeTrains, PopulationSpikes or Spikes
        Many samples or trials, each of which is one repetition, such as ``sim.trials(...).spikes(name)``; or
        one run in which stimuli follow each other.
    stop : float
        Where the last bin ends, counted from the onset. A last bin that would be cut is left out.
    width : float
        Of a bin.
    onsets : array_like, shape (n_onsets,), or a number
        When stimuli begin in a run; a spike counts for each onset that it lies within. For samples one time
        in each of them, default 0.
    start : float
        Where the first bin begins, counted from the onset; negative for what came before.
    n : int, optional
        Units, for `Spikes`.
    time_unit : str, optional
        Of spikes that do not know it; default "ms".

    Returns
    -------
    centres, rates : ndarray, both of shape (n_bins,)
        Rates are averaged over units and repetitions: in Hz when the time unit is ns, us, ms or s, else in
        spikes per time unit. Repetitions are taken to last from `start` to `stop`.

    Raises
    ------
    ValueError
        If there is no repetition or no unit, an onset is not finite, or the bins make no sense.
    TypeError
        If these are no spikes, or onsets of a run are missing.

    Examples
    --------
    >>> trials = SpikeTrains.of([([1.0, 2.5], [0, 1]), ([3.5], [1])], 2, "label")
    >>> centres, rates = psth(trials, 4.0, width=2.0)
    >>> centres.tolist(), rates.tolist()
    ([1.0, 3.0], [125.0, 250.0])
    """
    if isinstance(spikes, SpikeTrains):
        onset = float(real_array(0.0 if onsets is None else onsets, "onsets").item())
        begins, units, times = np.full(1, onset), spikes.n, np.sort(spikes.times)
        repetitions = len(spikes)
    else:
        units, times = number_of_units(spikes, n), spikes.times
        if onsets is None:
            raise TypeError("onsets must say when stimuli begin in a run; samples begin at 0")
        begins = np.atleast_1d(real_array(onsets, "onsets"))
        repetitions = len(begins)
        if isinstance(spikes, PopulationSpikes) and time_unit is None:
            time_unit = spikes.time_unit
    if units < 1 or repetitions < 1:
        raise ValueError(
            f"a rate needs a unit and a repetition at least, got {units} units and {repetitions} repetitions"
        )
    if not np.isfinite(begins).all():
        raise ValueError(f"onsets must be finite, got {begins[~np.isfinite(begins)][0]}")
    edges = bin_edges(stop - start, width, start)
    if len(edges) < 2:
        raise ValueError(f"stop must be a bin of {width!r} behind start = {start!r}, got {stop!r}")
    counted = np.zeros(len(edges) - 1)
    for onset in begins:
        counted += np.diff(np.searchsorted(times - onset, edges))
    centres = start + width * (np.arange(len(edges) - 1, dtype=np.float64) + 0.5)
    return centres, counted / (units * repetitions * width) * per_second(time_unit or "ms")


@hinting
def plot_psth(
    spikes: Measured | SpikeTrains,
    stop: float,
    ax: Axes | None = None,
    *,
    width: float = 1.0,
    onsets: ArrayLike | None = None,
    start: float = 0.0,
    n: int | None = None,
    time_unit: str | None = None,
) -> Axes:
    """Draw the `psth`, with a line at the onset where that is shown."""
    time_unit = time_unit or (spikes.time_unit if isinstance(spikes, PopulationSpikes) else "ms")
    centres, rates = psth(spikes, stop, width=width, onsets=onsets, start=start, n=n, time_unit=time_unit)
    ax = axes_or_new(ax)
    edges = np.append(centres - width / 2, centres[-1] + width / 2)
    ax.stairs(rates, edges, baseline=None, color=COLOURS[0], linewidth=1.4)
    if start < 0.0 < stop:
        ax.axvline(0.0, color="#888888", linewidth=0.8, zorder=0)
    ax.set(xlim=(edges[0], edges[-1]), ylim=(0.0, max(1.05 * float(rates.max()), 1e-9)))
    ax.set_xlabel(time_label(time_unit).replace("time", "time since onset"))
    ax.set_ylabel("rate per unit (Hz)" if time_unit in ("ns", "us", "ms", "s") else "rate per unit (1/time)")
    set_title(ax, spikes.name if isinstance(spikes, PopulationSpikes) else None)
    return ax
