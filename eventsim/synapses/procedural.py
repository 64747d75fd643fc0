"""Synapses drawn from a seed, source by source: at each spike, or once, into arrays.

A projection with ``storage="procedural"`` holds no synapses: the targets of a spike are drawn as it arrives,
each time the same. With ``storage="rows"`` the very same synapses are drawn once and held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from eventsim import rng
from eventsim.connect.connections import Connections
from eventsim.connect.rules import FixedOutdegree, FixedProbability
from eventsim.errors import ConfigError, did_you_mean
from eventsim.synapses.row_draws import RowDraws

__all__ = ["STORAGES", "DrawnRows", "check_storage", "drawn_rows", "row_draws"]

STORAGES = ("arrays", "rows", "procedural")


class DeclaredRule(Protocol):
    """What is read of a declared projection; `eventsim.network.declared.Projection` says what each is."""

    @property
    def name(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def pre(self) -> str: ...
    @property
    def post(self) -> str: ...
    @property
    def rule(self) -> Any: ...
    @property
    def weight(self) -> object: ...
    @property
    def delay(self) -> object: ...
    @property
    def autapses(self) -> bool: ...
    @property
    def multapses(self) -> bool: ...
    @property
    def rates(self) -> object: ...
    @property
    def storage(self) -> str: ...


class SizedNetwork(Protocol):
    """The seed of a network, and its populations with their sizes."""

    @property
    def seed(self) -> int: ...
    @property
    def populations(self) -> Mapping[str, Any]: ...


@dataclass(slots=True)
class DrawnRows(Connections):
    """The synapses of a projection that are not held: what draws them, and weights and delays by source.

    Attributes
    ----------
    draws : draws the targets of a source.
    weight : one number, or an array of shape (n_pre,), float64.
    """

    draws: RowDraws | None = None

    @property
    def n_syn(self) -> int:
        """Number of synapses; where each pair is drawn, the number to expect."""
        assert self.draws is not None
        return self.draws.expected


def check_storage(projection: DeclaredRule) -> None:
    """Raise ConfigError or ValueError unless the synapses of a projection can be stored as it says."""
    storage, label = projection.storage, projection.label
    if storage not in STORAGES:
        raise ValueError(
            f"storage of {label} must be one of {', '.join(STORAGES)}, got {storage!r}"
            f"{did_you_mean(storage, STORAGES) if isinstance(storage, str) else ''}"
        )
    if storage == "arrays":
        return
    if projection.rates is not None:
        raise ConfigError(f"storage={storage!r} is for projections of spikes, {label} sends rates")
    if not isinstance(projection.rule, FixedOutdegree | FixedProbability):
        raise ConfigError(
            f"storage={storage!r} draws the targets of each source by fixed_outdegree or fixed_probability, "
            f"got {projection.rule!r:.60} in {label}"
        )
    if isinstance(projection.rule, FixedOutdegree) and not isinstance(projection.rule.k, int):
        raise ConfigError(
            f"storage={storage!r} draws as many targets for each source, got {projection.rule!r} in {label}; "
            "storage='arrays' takes any numbers"
        )
    if isinstance(projection.rule, FixedOutdegree) and not projection.multapses:
        raise ConfigError(
            f"storage={storage!r} draws fixed_outdegree with repetition; for multapses=False in {label} use "
            "fixed_probability or storage='arrays'"
        )
    if storage == "procedural":
        for what, value in (("weight", projection.weight), ("delay", projection.delay)):
            per_source = isinstance(value, np.ndarray) and value.ndim == 2 and value.shape[1] == 1
            if not isinstance(value, float) and not per_source:
                raise ConfigError(
                    f"storage='procedural' holds no {what} of a synapse: {what} of {label} must be a number "
                    "or es.connect.axonal([...]), one for each source; storage='rows' takes any"
                )


def row_draws(projection: DeclaredRule, net: SizedNetwork) -> RowDraws:
    """Return what draws the targets of each source."""
    n_pre, n_post = net.populations[projection.pre].n, net.populations[projection.post].n
    autapses = projection.autapses or projection.pre != projection.post
    key = int(rng.sequence(net.seed, "connect", projection.name, "rows").generate_state(1, np.uint64)[0])
    rule = projection.rule
    if isinstance(rule, FixedOutdegree) and isinstance(rule.k, int):
        return RowDraws(n_pre, n_post, key, k=rule.k, autapses=autapses)
    assert isinstance(rule, FixedProbability)
    return RowDraws(n_pre, n_post, key, p=rule.p, autapses=autapses)


def pairs_by_row(projection: DeclaredRule, net: SizedNetwork) -> Connections:
    """Return the pairs of all sources, drawn row by row, without weights and delays."""
    draws = row_draws(projection, net)
    counts, post = draws.rows()
    if draws.k > 0:
        return Connections(draws.n_pre, draws.n_post, post=post, per_pre=draws.k)
    pre = np.repeat(np.arange(draws.n_pre, dtype=np.int32), counts)
    return Connections(draws.n_pre, draws.n_post, pre=pre, post=post)


def drawn_rows(projection: DeclaredRule, net: SizedNetwork) -> DrawnRows:
    """Return the record of a projection whose synapses are drawn at each spike."""
    draws = row_draws(projection, net)
    found = DrawnRows(draws.n_pre, draws.n_post, draws=draws)

    def of_source(value: object) -> float | np.ndarray:
        if isinstance(value, float):
            return value
        column = np.asarray(value, np.float64).reshape(-1)
        return column if len(column) == draws.n_pre else np.broadcast_to(column, draws.n_pre).copy()

    found.weight, found.delay = of_source(projection.weight), of_source(projection.delay)
    found.delay_kind = "uniform" if isinstance(found.delay, float) else "axonal"
    return found
