"""Who is connected to whom: the rules a projection can follow, and the record they give.

A rule is a small frozen record; it draws its synapses from a stream of the projection's own, in
chunks, so that ten million synapses need little more memory than they occupy in the end.

    net.connect("input", "hidden", es.connect.fixed_probability(0.1), weight=0.5, delay=1.0)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eventsim.connect.connection_rule import ConnectionRule
from eventsim.connect.connections import Connections, Indices
from eventsim.connect.degrees import Degree, check_degree, degree, drawn_degree, same_degree, shown_degree
from eventsim.connect.distributions import (
    CHUNK,
    Distribution,
    exponential,
    lognormal,
    normal,
    poisson,
    uniform,
)
from eventsim.connect.sample_targets import sample_targets, sample_uneven
from eventsim.errors import ConfigError
from eventsim.hints import named_for_users
from eventsim.io.plain import plain_array
from eventsim.parameters import one_number
from eventsim.rates.images import convolution, max_pool, mean_pool

__all__ = [
    "ConnectionRule",
    "Connections",
    "Distribution",
    "all_to_all",
    "axonal",
    "convolution",
    "dendritic",
    "exponential",
    "fixed_indegree",
    "fixed_outdegree",
    "fixed_probability",
    "lognormal",
    "max_pool",
    "mean_pool",
    "normal",
    "one_to_one",
    "pairs",
    "poisson",
    "uniform",
]


@named_for_users()
@dataclass(frozen=True, slots=True)
class AllToAll(ConnectionRule):
    """Every source reaches every target, once."""

    def draw(
        self, rng: np.random.Generator, n_pre: int, n_post: int, autapses: bool, multapses: bool
    ) -> Connections:
        """Return the synapses; nothing is drawn."""
        if autapses:
            return Connections(n_pre, n_post, dense=True)
        return _by_source(
            n_pre, n_post, n_post - 1, sample_targets(rng, n_pre, n_post, n_post - 1, False, False)
        )


@named_for_users()
@dataclass(frozen=True, slots=True)
class OneToOne(ConnectionRule):
    """Unit k reaches unit k of a population of the same size."""

    def check(self, n_pre: int, n_post: int, autapses: bool, multapses: bool, label: str) -> None:
        """Raise ConfigError if the sizes differ."""
        if n_pre != n_post:
            raise ConfigError(
                f"one_to_one needs populations of equal size, got {n_pre} and {n_post} in {label}"
            )

    def draw(
        self, rng: np.random.Generator, n_pre: int, n_post: int, autapses: bool, multapses: bool
    ) -> Connections:
        """Return the synapses; nothing is drawn."""
        if not autapses:
            return _nothing(n_pre, n_post)
        return _by_source(n_pre, n_post, 1, np.arange(n_pre, dtype=np.int32))


@named_for_users()
@dataclass(frozen=True, slots=True)
class FixedProbability(ConnectionRule):
    """Each pair is connected with probability `p`, independently; never more than once.

    Parameters
    ----------
    p : float
        Between 0 and 1.

    Notes
    -----
    The gaps between connected pairs, counted row by row, are geometrically distributed, so the
    cost goes with the number of synapses, not of pairs.
    """

    p: float

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", one_number(self.p, "p of fixed_probability", low=0, high=1))

    def draw(
        self, rng: np.random.Generator, n_pre: int, n_post: int, autapses: bool, multapses: bool
    ) -> Connections:
        """Return the synapses, ordered by source, then target."""
        width = n_post if autapses else n_post - 1
        total = n_pre * width  # pairs that may be connected
        if self.p == 1:
            return AllToAll().draw(rng, n_pre, n_post, autapses, multapses)
        if self.p == 0 or total == 0:
            return _nothing(n_pre, n_post)
        expected = total * self.p
        room = int(min(total, expected + 6 * expected**0.5 + 16))  # six standard deviations; else it grows
        pre, post = np.empty(room, np.int32), np.empty(room, np.int32)
        # The sum of a chunk of gaps, each cut at total + 1, must fit in 63 bits.
        chunk = max(1, min(CHUNK, room, (1 << 62) // (total + 1)))
        count, last = 0, -1
        while last < total:
            gaps = rng.geometric(self.p, chunk)
            places = np.cumsum(np.minimum(gaps, total + 1, out=gaps), out=gaps)
            places += last
            last = int(places[-1])
            places = places[: np.searchsorted(places, total)]
            stop = count + len(places)
            if stop > len(pre):
                more = max(stop, int(1.1 * len(pre)))
                pre, post = np.resize(pre, more), np.resize(post, more)
            sources = places // width
            targets = places - sources * width
            if not autapses:
                targets += targets >= sources
            pre[count:stop], post[count:stop] = sources, targets
            count = stop
        return Connections(n_pre, n_post, pre=pre[:count], post=post[:count])


@named_for_users()
@dataclass(frozen=True, slots=True, eq=False)
class FixedIndegree(ConnectionRule):
    """Each target has `k` sources, drawn uniformly.

    Parameters
    ----------
    k : int, array_like of int, shape (n_post,), or Distribution
        Synapses of each target: one number, one for each target, or drawn for each and rounded to the nearest
        whole number. A source may be drawn several times unless the projection says ``multapses=False``.

    Examples
    --------
    >>> import eventsim as es
    >>> net = es.Network(seed=1)
    >>> _ = net.add("in", es.models.Poisson(rate=5.0), 50)
    >>> _ = net.add("cells", es.models.LIF(), 4)
    >>> few_or_many = es.connect.fixed_indegree([0, 1, 5, 20])
    >>> p = net.connect("in", "cells", few_or_many, multapses=False)
    >>> import numpy as np
    >>> np.bincount(p.resolve(net).targets(), minlength=4).tolist()
    [0, 1, 5, 20]
    """

    k: Degree

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", degree(self.k, "k of fixed_indegree"))

    def __eq__(self, other: object) -> bool:
        """Return whether another rule has the same numbers of synapses."""
        return same_degree(self, other)

    def __hash__(self) -> int:
        """Return a number that equal rules share."""
        return hash(type(self))

    def __repr__(self) -> str:
        return f"FixedIndegree(k={shown_degree(self.k)})"

    def check(self, n_pre: int, n_post: int, autapses: bool, multapses: bool, label: str) -> None:
        """Raise ConfigError if there are too few sources, or not as many numbers as targets."""
        check_degree("fixed_indegree", self.k, n_post, n_pre, "sources", autapses, multapses, label)

    def draw(
        self, rng: np.random.Generator, n_pre: int, n_post: int, autapses: bool, multapses: bool
    ) -> Connections:
        """Return the synapses, ordered by target."""
        if isinstance(self.k, int):
            if self.k == 0 or n_post == 0:
                return _nothing(n_pre, n_post)
            pre = sample_targets(rng, n_post, n_pre, self.k, autapses, multapses)
            return Connections(n_pre, n_post, pre=pre, per_post=self.k)
        counts = drawn_degree(self.k, rng, n_post, n_pre, "fixed_indegree", autapses, multapses)
        pre = sample_uneven(rng, counts, n_pre, autapses, multapses)
        post = np.repeat(np.arange(n_post, dtype=np.int32), counts)
        return Connections(n_pre, n_post, pre=pre, post=post)


@named_for_users()
@dataclass(frozen=True, slots=True, eq=False)
class FixedOutdegree(ConnectionRule):
    """Each source has `k` targets, drawn uniformly.

    Parameters
    ----------
    k : int, array_like of int, shape (n_pre,), or Distribution
        Synapses of each source: one number, one for each source, or drawn for each and rounded to the nearest
        whole number. A target may be drawn several times unless the projection says ``multapses=False``.
    """

    k: Degree

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", degree(self.k, "k of fixed_outdegree"))

    def __eq__(self, other: object) -> bool:
        """Return whether another rule has the same numbers of synapses."""
        return same_degree(self, other)

    def __hash__(self) -> int:
        """Return a number that equal rules share."""
        return hash(type(self))

    def __repr__(self) -> str:
        return f"FixedOutdegree(k={shown_degree(self.k)})"

    def check(self, n_pre: int, n_post: int, autapses: bool, multapses: bool, label: str) -> None:
        """Raise ConfigError if there are too few targets, or not as many numbers as sources."""
        check_degree("fixed_outdegree", self.k, n_pre, n_post, "targets", autapses, multapses, label)

    def draw(
        self, rng: np.random.Generator, n_pre: int, n_post: int, autapses: bool, multapses: bool
    ) -> Connections:
        """Return the synapses, ordered by source."""
        if isinstance(self.k, int):
            drawn = sample_targets(rng, n_pre, n_post, self.k, autapses, multapses)
            return _by_source(n_pre, n_post, self.k, drawn)
        counts = drawn_degree(self.k, rng, n_pre, n_post, "fixed_outdegree", autapses, multapses)
        post = sample_uneven(rng, counts, n_post, autapses, multapses)
        pre = np.repeat(np.arange(n_pre, dtype=np.int32), counts)
        return Connections(n_pre, n_post, pre=pre, post=post)


@named_for_users()
@dataclass(frozen=True, slots=True, eq=False)
class Pairs(ConnectionRule):
    """The synapses one by one: source ``pre[k]`` reaches target ``post[k]``.

    Parameters
    ----------
    pre, post : array_like of int, shape (n_syn,)
        Indices within the two populations. Weights and delays of the projection may be arrays of
        the same length.
    """

    pre: Indices = field(repr=False)
    post: Indices = field(repr=False)

    def __post_init__(self) -> None:
        pre, post = _indices(self.pre, "pre"), _indices(self.post, "post")
        if len(pre) != len(post):
            raise ValueError(f"pairs needs as many sources as targets, got {len(pre)} and {len(post)}")
        object.__setattr__(self, "pre", pre)
        object.__setattr__(self, "post", post)

    def check(self, n_pre: int, n_post: int, autapses: bool, multapses: bool, label: str) -> None:
        """Raise ConfigError if an index is out of range, or a pair occurs twice and may not."""
        for name, indices, n in (("source", self.pre, n_pre), ("target", self.post, n_post)):
            outside = np.flatnonzero((indices < 0) | (indices >= n))
            if len(outside):
                k = int(outside[0])
                raise ConfigError(
                    f"{name} {int(indices[k])} of pair {k} in {label} is out of range; units are 0 to {n - 1}"
                )
        if not multapses:
            keys = np.sort(self.pre.astype(np.int64) * n_post + self.post)
            twice = np.flatnonzero(keys[1:] == keys[:-1])
            if len(twice):
                pair = divmod(int(keys[twice[0]]), n_post)
                raise ConfigError(f"pair {pair} occurs more than once in {label}, which says multapses=False")

    def draw(
        self, rng: np.random.Generator, n_pre: int, n_post: int, autapses: bool, multapses: bool
    ) -> Connections:
        """Return the synapses in the order given."""
        keep = self.kept(autapses)
        return Connections(n_pre, n_post, pre=self.pre[keep], post=self.post[keep])

    def kept(self, autapses: bool) -> slice | NDArray[np.bool_]:
        """Return the index of the pairs that remain."""
        return slice(None) if autapses else self.pre != self.post


def tuples(rows: Iterable[Any], label: str) -> tuple[Pairs, list[float] | None, list[float] | None]:
    """Take (pre, post), (pre, post, weight) or (pre, post, weight, delay) apart.

    Returns
    -------
    pairs, weight, delay
        The last two are None where the tuples have none.
    """
    rows = list(rows)
    lengths = {len(row) if isinstance(row, tuple) else 0 for row in rows}
    if len(lengths) > 1 or not lengths <= {2, 3, 4}:
        raise ConfigError(
            f"the synapses of {label} must all be (pre, post), all (pre, post, weight) or all "
            "(pre, post, weight, delay) tuples; a matrix of weights goes to weight="
        )
    columns: list[list[Any]] = [list(column) for column in zip(*rows, strict=True)] or [[], []]
    columns += [[], []][: 4 - len(columns)]
    width = lengths.pop() if lengths else 2
    return Pairs(columns[0], columns[1]), columns[2] if width > 2 else None, columns[3] if width > 3 else None  # type: ignore[arg-type]


def axonal(values: ArrayLike) -> NDArray[Any]:
    """Return one value per source, shape (n_pre, 1), for a delay or weight.

    >>> axonal([0.1, 0.2]).shape
    (2, 1)
    """
    return plain_array(values, "axonal values").reshape(-1, 1)


def dendritic(values: ArrayLike) -> NDArray[Any]:
    """Return one value per target, shape (1, n_post), for a delay or weight.

    >>> dendritic([0.1, 0.2]).shape
    (1, 2)
    """
    return plain_array(values, "dendritic values").reshape(1, -1)


def _nothing(n_pre: int, n_post: int) -> Connections:
    return Connections(n_pre, n_post, pre=np.empty(0, np.int32), post=np.empty(0, np.int32))


def _by_source(n_pre: int, n_post: int, k: int, post: Indices) -> Connections:
    if k == 0 or n_pre == 0:
        return _nothing(n_pre, n_post)
    return Connections(n_pre, n_post, post=post, per_pre=k)


def _indices(values: Any, name: str) -> Indices:
    array = plain_array(values, f"{name} of pairs")
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise TypeError(
            f"{name} of pairs must be a list of integers, got {array.dtype} of shape {array.shape}"
        )
    limit = np.iinfo(np.int32).max
    if array.size and (array.max() > limit or array.min() < -limit):
        raise ValueError(f"{name} of pairs has an index beyond {limit}")
    indices = array.astype(np.int32)
    indices.setflags(write=False)
    return indices


all_to_all = AllToAll
one_to_one = OneToOne
fixed_probability = FixedProbability
fixed_indegree = FixedIndegree
fixed_outdegree = FixedOutdegree
pairs = Pairs
