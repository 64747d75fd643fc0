"""Sort populations topologically: the order in which they are updated within one instant."""

from collections.abc import Iterable, Sequence

from eventsim.errors import ConfigError


def topological_sort(names: Sequence[str], instant: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names in an order where each comes before those that it reaches without delay.

    Parameters
    ----------
    names : sequence of str
        Their order is kept where no projection decides.
    instant : iterable of (pre, post)
        Pairs of a source and a target without delay between them.

    Raises
    ------
    ConfigError
        If they form a cycle; the message names them in the direction of the spikes.

    Examples
    --------
    >>> topological_sort(["output", "input", "hidden"], [("input", "hidden"), ("hidden", "output")])
    ['input', 'hidden', 'output']
    """
    before: dict[str, set[str]] = {name: set() for name in names}
    for pre, post in instant:
        before[post].add(pre)
    order: list[str] = []
    waiting = list(names)
    while waiting:
        name = next((name for name in waiting if before[name].isdisjoint(waiting)), None)
        if name is None:
            circle = " -> ".join(_circle(before, waiting))
            raise ConfigError(f"zero delay all around {circle}; give one of these projections a delay > 0")
        order.append(name)
        waiting.remove(name)
    return order


def _circle(before: dict[str, set[str]], waiting: list[str]) -> list[str]:
    """Return a circle among `waiting`, in the direction of the spikes, its first name repeated."""
    # Everybody who waits has somebody before it who waits too, so walking back must meet itself.
    path = [waiting[0]]
    while path[-1] not in path[:-1]:
        path.append(next(name for name in waiting if name in before[path[-1]]))
    circle = path[path.index(path[-1]) :][::-1]
    first = min(range(len(circle) - 1), key=lambda k: waiting.index(circle[k]))
    return [*circle[first:-1], *circle[:first], circle[first]]
