"""Random graphs of the QUBO task, their best known costs, and the cost of a set of nodes.

Minimise x^T Q x, x in {0, 1}: Q_uu = -1, Q_uv = Q_vu = w / 2 for an edge, so that an independent set costs
minus its size. Graphs have exactly floor(d n^2 / 2) edges, drawn as the public generator draws them; w is
8.
"""

import random

import numpy as np
from numpy.typing import NDArray

__all__ = ["BEST_KNOWN", "Graph", "gap", "random_graph"]

Ints = NDArray[np.int64]
EDGE = 8.0  # w of the data set

BEST_KNOWN = {  # size of the set by nodes and density, of seeds 0 to 4
    10: {
        0.01: (10, 10, 10, 10, 10),
        0.05: (8, 8, 9, 8, 8),
        0.1: (7, 7, 7, 8, 7),
        0.25: (6, 6, 5, 6, 5),
    },
    25: {
        0.01: (22, 22, 23, 22, 22),
        0.05: (15, 18, 17, 17, 17),
        0.1: (12, 15, 14, 13, 13),
        0.25: (9, 9, 8, 10, 8),
    },
    50: {
        0.01: (40, 42, 41, 43, 40),
        0.05: (28, 27, 27, 27, 26),
        0.1: (20, 21, 19, 21, 22),
        0.25: (12, 13, 12, 12, 13),
    },
    100: {
        0.01: (73, 71, 74, 73, 71),
        0.05: (44, 42, 45, 45, 42),
        0.1: (30, 29, 30, 31, 30),
        0.25: (17, 17, 16, 16, 18),
    },
    250: {
        0.01: (142, 140, 137, 138, 143),
        0.05: (67, 69, 67, 67, 67),
        0.1: (43, 44, 44, 43, 45),
        0.25: (22, 23, 23, 22, 22),
    },
    500: {
        0.01: (219, 219, 214, 219, 214),
        0.05: (85, 86, 86, 86, 86),
        0.1: (52, 52, 51, 52, 53),
        0.25: (26, 25, 25, 26, 25),
    },
    1000: {
        0.01: (306, 307, 307, 304, 302),
        0.05: (105, 105, 109, 103, 106),
        0.1: (60, 60, 60, 61, 59),
        0.25: (28, 28, 28, 28, 28),
    },
    2500: {
        0.01: (439, 440, 440, 432, 433),
        0.05: (125, 125, 124, 125, 124),
        0.1: (69, 69, 70, 69, 70),
        0.25: (31, 32, 31, 31, 32),
    },
    5000: {
        0.01: (531, 528, 525, 532, 531),
        0.05: (142, 140, 138, 138, 139),
        0.1: (76, 76, 76, 76, 76),
        0.25: (35, 34, 34, 34, 34),
    },
}


class Graph:
    """A graph as lists of neighbours.

    Attributes
    ----------
    n : number of nodes.
    edges : ndarray of int, shape (m, 2)
    neighbours : list of ndarray, of each node.
    """

    def __init__(self, n: int, edges: Ints) -> None:
        self.n, self.edges = n, np.asarray(edges, np.int64).reshape(-1, 2)
        both = np.concatenate([self.edges, self.edges[:, ::-1]])
        order = np.argsort(both[:, 0], kind="stable")
        cuts = np.searchsorted(both[order, 0], np.arange(1, n))
        self.neighbours: list[Ints] = np.split(both[order, 1], cuts)

    def cost(self, x: NDArray[np.bool_]) -> float:
        """Return x^T Q x of a choice of nodes."""
        inside = x[self.edges[:, 0]] & x[self.edges[:, 1]]
        return float(EDGE * inside.sum() - x.sum())


def random_graph(n: int, density: float, seed: int) -> Graph:
    """Return the graph of a workload: exactly ``int(0.5 * density * n**2)`` edges, all if there are fewer."""
    m = int(0.5 * density * n**2)
    if m >= n * (n - 1) / 2:
        return Graph(n, np.stack(np.triu_indices(n, 1), axis=1))
    rng, nodes = random.Random(seed), list(range(n))
    seen: dict[tuple[int, int], None] = {}
    while len(seen) < m:
        u, v = rng.choice(nodes), rng.choice(nodes)
        if u != v:
            seen[min(u, v), max(u, v)] = None
    return Graph(n, np.array(list(seen), np.int64))


def gap(cost: float, best: float) -> float:
    """Return (c - c*) / |c*|: positive where a cost is worse than the best that is known."""
    return (cost - best) / abs(best)
