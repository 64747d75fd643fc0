"""Measures of spike trains, latencies, weights and predictions, and a plot of each on a matplotlib axis.

`select` takes the spikes of a population out of a simulation, a trace, a file or many samples; every measure
and every plot takes what it returns, or a `Spikes` and the number of units. Each measure says how much it
needs. Where that is not there it gives nan instead of a number: intervals or bins too few for a variation,
no sample for an accuracy. `start` leaves out a transient.

Measures that Elephant has are computed by Elephant (``pip install 'eventsim[analysis]'``), which is imported
when one of them is called.
"""

from eventsim.lazy import attach

__getattr__, __dir__, __all__ = attach(__name__)
