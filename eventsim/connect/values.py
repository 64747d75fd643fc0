"""Weights and delays of a projection: from what people write to one value per synapse.

A value is one number, a distribution, or an array that is looked up at (source, target): shape
(n_pre, n_post), (n_pre, 1) for one value per source, (1, n_post) for one per target, or (n_syn,)
where the synapses were listed one by one.
"""

import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from eventsim.connect.connections import Connections, Values
from eventsim.connect.distributions import CHUNK, Distribution, chunks
from eventsim.connect.rules import ConnectionRule, FixedIndegree, FixedOutdegree, Pairs
from eventsim.io.plain import plain_array, shown
from eventsim.parameters import one_number

Value = float | Distribution | Values
# Made only where something is drawn: making a stream takes longer than all else here.
Stream = Callable[[], np.random.Generator]


def is_sparse(value: Any) -> bool:
    """Say whether `value` is a scipy.sparse matrix or array, without importing scipy."""
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(value))


def stored_entries(matrix: Any, n_pre: int, n_post: int, label: str) -> tuple[Pairs, Values]:
    """Return the stored entries of a sparse weight matrix, row by row; repeated ones are summed.

    Raises
    ------
    ValueError
        If its shape is not (n_pre, n_post).
    """
    if matrix.shape != (n_pre, n_post):
        raise ValueError(f"weight of {label} has shape {matrix.shape}, expected ({n_pre}, {n_post})")
    rows = matrix.tocsr(copy=True)
    rows.sum_duplicates()
    pre = np.repeat(np.arange(n_pre, dtype=np.int32), np.diff(rows.indptr))
    return Pairs(pre, rows.indices), rows.data


def same_entries(matrix: Any, pairs: Pairs, n_pre: int, n_post: int, label: str) -> Values:
    """Return the delays of a sparse matrix that has its entries where the weights have theirs.

    Raises
    ------
    ValueError
        If the entries are elsewhere.
    """
    found, delays = stored_entries(matrix, n_pre, n_post, label)
    if not (np.array_equal(found.pre, pairs.pre) and np.array_equal(found.post, pairs.post)):
        raise ValueError(
            f"the sparse delay of {label} must have its {len(pairs.pre)} entries where the weight has them; "
            f"it has {len(found.pre)} (zeros must be stored too)"
        )
    return delays


def declared(value: Any, what: str, label: str) -> Value:
    """Return a checked number, distribution or array (a read-only copy, C order, float64 or float32).

    Raises
    ------
    TypeError
        If it holds no real numbers.
    ValueError
        If one of them is nan or infinite, or negative in a delay.
    """
    nonnegative = what == "delay"
    if isinstance(value, Distribution):
        if nonnegative and value.smallest < 0:
            raise ValueError(
                f"delay of {label} drawn from {value!r} can be negative; give low=0 to draw such values again"
            )
        return value
    array = plain_array(value, f"{what} of {label}")
    if array.dtype.kind not in "fiub" or (array.ndim == 0 and array.dtype.kind == "b"):
        raise TypeError(
            f"{what} of {label} must be a number, an array of numbers or a distribution, got {shown(value)}"
        )
    if array.ndim == 0:
        number = one_number(value, f"{what} of {label}")
        if nonnegative and number < 0:
            raise ValueError(f"delay of {label} must not be negative, got {number!r}")
        return number + 0.0  # no negative zero
    wanted = np.float32 if array.dtype in (np.float32, np.float16) else np.float64
    array = np.array(array, wanted, order="C")
    check_values(array, what, label, nonnegative)
    array.setflags(write=False)
    return array


def check_values(array: Values, what: str, label: str, nonnegative: bool = False) -> None:
    """Raise ValueError, naming the first entry, if one is not finite, or negative and may not be."""
    flat = array.reshape(-1)
    for start, stop in chunks(flat.size):
        wrong = ~np.isfinite(flat[start:stop])
        rule = "finite"
        if nonnegative and not wrong.any():
            wrong, rule = flat[start:stop] < 0, "at least 0"
        if wrong.any():
            k = start + int(np.argmax(wrong))
            place: Any = tuple(int(i) for i in np.unravel_index(k, array.shape))
            place = place[0] if len(place) == 1 else place
            raise ValueError(f"{what} of {label} must be {rule}, got {float(flat[k])!r} at {place}")


def fitted(
    value: Value, rule: ConnectionRule | None, n_pre: int, n_post: int, what: str, label: str
) -> Value:
    """Return `value` in one of the shapes of this module, for a rule of connections.

    Of listed pairs, and of a rule that gives each unit a known number of synapses, a value of each synapse is
    of shape (n_syn,), in the order of the units; for k each also (n_post, k), or (n_pre, k) by source.

    A list of numbers without listed synapses is given to the sources or to the targets, where its length
    leaves no choice, with a `DeprecationWarning`.

    Raises
    ------
    ValueError
        If the shape fits nothing, or more than one thing.
    """
    if isinstance(value, float | Distribution):
        return value
    if isinstance(rule, FixedIndegree | FixedOutdegree):
        rows = n_post if isinstance(rule, FixedIndegree) else n_pre
        plain = value.shape in ((n_pre, n_post), (n_pre, 1), (1, n_post))
        if isinstance(rule.k, int):
            if value.shape == (rows * rule.k,) or (value.shape == (rows, rule.k) and not plain):
                return narrowed(value.reshape(-1))
            if not plain and value.ndim == 2:
                raise ValueError(
                    f"{what} of {label} has shape {value.shape}, expected a number, ({n_pre}, 1) for each "
                    f"source, (1, {n_post}) for each target, ({n_pre}, {n_post}), or ({rows}, {rule.k}) for "
                    "each synapse"
                )
        elif isinstance(rule.k, np.ndarray) and value.shape == (int(rule.k.sum()),):
            return narrowed(value)
    pairs = rule if isinstance(rule, Pairs) else None
    if value.size == 1 and (
        n_pre == n_post == 1
        or (value.ndim == 1 and pairs is not None and len(pairs.pre) == 1)
        or (value.ndim == 2 and 1 in (n_pre, n_post))  # one for the only source, or for the only target
    ):
        return float(value.reshape(-1)[0])
    if value.ndim == 2 and value.shape in ((n_pre, 1), (1, n_post), (n_pre, n_post)):
        return narrowed(value)
    if value.ndim == 1:
        if pairs is not None:
            if len(value) == len(pairs.pre):
                return narrowed(value)
            raise ValueError(
                f"{what} of {label} has {len(value)} values, expected {len(pairs.pre)}, one for each synapse"
            )
        if n_pre == n_post == len(value):
            raise ValueError(
                f"{what} of {label} is a list of {len(value)}, for the sources or for the targets; say which "
                f"by es.connect.axonal(values), shape ({n_pre}, 1), or dendritic(values), shape (1, {n_post})"
            )
        if len(value) in (n_pre, n_post):
            ends, name = ("sources", "axonal") if len(value) == n_pre else ("targets", "dendritic")
            warnings.warn(
                f"{what} of {label} is a plain list, which only its length gives to the {ends}; write "
                f"es.connect.{name}(values), as the next release refuses such lists",
                DeprecationWarning,
                stacklevel=5,
            )
            return value.reshape(-1, 1) if name == "axonal" else narrowed(value.reshape(1, -1))
    raise ValueError(
        f"{what} of {label} has shape {value.shape}, expected a number, ({n_pre}, 1) for each source, "
        f"(1, {n_post}) for each target, or ({n_pre}, {n_post})"
    )


def delay_kind(delay: Value) -> str:
    """Return what a delay in one of the shapes of this module belongs to; nothing else decides it.

    Returns
    -------
    str
        "uniform" for one number, "axonal" for shape (n_pre, 1), "dendritic" for (1, n_post), and
        "synaptic" for one value per synapse: (n_pre, n_post), listed, or drawn.
    """
    if isinstance(delay, float):
        return "uniform"
    if isinstance(delay, Distribution) or delay.ndim == 1:
        return "synaptic"
    if (
        delay.shape[1] == 1
    ):  # also where there is one target only: a delay for each source is one for each synapse
        return "axonal"
    return "dendritic" if delay.shape[0] == 1 else "synaptic"


def narrowed(array: Values) -> Values:
    """Return the array as float32 if that holds every value exactly, else as it is."""
    if array.dtype == np.float32:
        return array
    flat = array.reshape(-1)
    with np.errstate(over="ignore"):
        for start, stop in chunks(flat.size):
            if not np.array_equal(flat[start:stop], flat[start:stop].astype(np.float32)):
                return array
        short = array.astype(np.float32)
    short.setflags(write=False)
    return short


def weights_of(value: Value, synapses: Connections, stream: Stream, label: str) -> float | Values:
    """Return the weight of `synapses`: one number, shape (n_syn,), or (n_pre, n_post) if dense."""
    if isinstance(value, float):
        return value
    if (
        synapses.dense
        and not isinstance(value, Distribution)
        and value.shape == (synapses.n_pre, synapses.n_post)
    ):
        return value
    weights = _one_each(value, synapses, stream, "weight", label)
    return weights.reshape(synapses.n_pre, synapses.n_post) if synapses.dense else weights


def delays_of(value: Value, synapses: Connections, stream: Stream, label: str) -> tuple[float | Values, str]:
    """Return the delay of `synapses` and its kind, as `Connections` has them."""
    if isinstance(value, float):
        return value, "uniform"
    if not isinstance(value, Distribution) and delay_kind(value) == "axonal":
        return value.reshape(-1).astype(np.float64), "axonal"
    return _one_each(value, synapses, stream, "delay", label), "synaptic"


def _one_each(
    value: Distribution | Values, synapses: Connections, stream: Stream, what: str, label: str
) -> Values:
    """Return one value per synapse, shape (n_syn,): drawn, as listed, or looked up."""
    if isinstance(value, Distribution):
        drawn = value.draw(stream(), synapses.n_syn)
        check_values(drawn, what, label)
        return drawn
    if value.ndim == 1:
        return value
    if synapses.dense:
        return np.ascontiguousarray(np.broadcast_to(value, (synapses.n_pre, synapses.n_post))).reshape(-1)
    found = np.empty(synapses.n_syn, value.dtype)
    for start, stop in chunks(len(found), CHUNK):
        rows = synapses.sources(start, stop) if value.shape[0] > 1 else 0
        columns = synapses.targets(start, stop) if value.shape[1] > 1 else 0
        found[start:stop] = value[rows, columns]
    return found
