"""NeuroBench's Mackey-Glass series: its parameters, published series as files, and exact ones made here.

    dx/dt = 0.2 y / (1 + y^10) - 0.1 x,   y = x(t - tau),   x(t) = x_0 for t <= 0

75 points a Lyapunov time L, the first at t = tau. Between two multiples of tau the delayed term is a known
function, so that the equation is linear in x there: it is solved on Chebyshev nodes, exact to rounding
while the series has not lost it (errors grow as e^(t / L)). The published files come from an adaptive
solver: a series made here is equivalent in its statistics, and scores on the two cannot be compared digit
by digit.
"""

import csv

import numpy as np

from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet
from eventsim.io.numpy_files import read_npy
from eventsim.trace import Floats

MACKEY_GLASS = PublishedSet(
    "mackey-glass",
    "github.com/NeuroBench/neurobench",
    {
        "mackey_glass_parameters.csv": "2ab10849922b1cb0a176470278b0e281499fb75e3be00996b02f3857aa34bf8c",
    },
)


def mackey_glass_parameters(data: Folder = None) -> dict[str, Floats]:
    """Read NeuroBench's Mackey-Glass table: ``tau``, ``lyapunov_time``, ``initial_condition``, each (14,)."""
    with MACKEY_GLASS.path("mackey_glass_parameters.csv", data).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}


POINTS = 75  # a Lyapunov time
N_POINTS = 2589  # that all 30 shifts of half a Lyapunov time need
BETA, GAMMA, POWER = 0.2, 0.1, 10
PIECES, NODES = 12, 24  # of a delay, and on each piece

# By tau: Lyapunov time and x_0, as in the table of the public repository.
SERIES = {
    17: (197, 0.7206597),
    18: (138, 0.7744313),
    19: (315, 0.7783468),
    20: (131, 0.9225991),
    21: (191, 0.9479431),
    22: (119, 0.5455960),
    23: (106, 0.8622247),
    24: (97, 0.3259660),
    25: (98, 0.8297825),
    26: (104, 1.0033490),
    27: (112, 0.6491406),
    28: (119, 1.0957495),
    29: (131, 0.9256179),
    30: (139, 0.2713639),
}


@hinting
def mackey_glass_series(tau: int, n: int = N_POINTS) -> Floats:
    """Return the first points of a series, x(tau + k L / 75), shape (n,).

    Raises
    ------
    ValueError
        If there is no series of that delay.
    """
    if tau not in SERIES:
        raise ValueError(f"there are series for tau from {min(SERIES)} to {max(SERIES)}, got {tau!r}")
    lyapunov_time, first = SERIES[tau]
    times: Floats = tau + np.arange(n, dtype=np.float64) * (lyapunov_time / POINTS)
    return mackey_glass_at(float(tau), first, times)


@hinting
def mackey_glass_at(tau: float, first: float, times: Floats) -> Floats:
    """Return x at some times >= 0 for the delay `tau` and x(t) = `first` until 0, shape (n,)."""
    times = np.asarray(times, np.float64)
    length = tau / PIECES
    # Lobatto nodes from -1 to 1, and the matrix that differentiates what passes through them.
    nodes = -np.cos(np.pi * np.arange(NODES) / (NODES - 1))
    weights = (-1.0) ** np.arange(NODES)
    weights[[0, -1]] /= 2
    apart = nodes[:, None] - nodes + np.eye(NODES)
    derivative = weights / weights[:, None] / apart
    np.fill_diagonal(derivative, 0.0)
    np.fill_diagonal(derivative, -derivative.sum(axis=1))
    system = derivative * 2 / length + GAMMA * np.eye(NODES)
    system[0] = np.eye(NODES)[0]  # the value at which the piece begins
    solve = np.linalg.inv(system)
    n_pieces = int(times.max(initial=0.0) / length) + 1
    values = np.full((PIECES + n_pieces, NODES), first)
    for k in range(PIECES, PIECES + n_pieces):
        delayed = values[k - PIECES]
        forcing = BETA * delayed / (1 + delayed**POWER)
        forcing[0] = values[k - 1, -1]
        values[k] = solve @ forcing
    piece = np.minimum((times / length).astype(np.int64), n_pieces - 1)
    place = 2 * (times / length - piece) - 1
    distance = place[:, None] - nodes
    distance[distance == 0] = 1e-300
    share = weights / distance
    found: Floats = (share * values[PIECES + piece]).sum(axis=1) / share.sum(axis=1)
    return found


@hinting
def mackey_glass_file(tau: int, data: Folder = None) -> Floats:
    """Read a published series, ``mg_<tau>.npy``; raises FileNotFoundError where it is missing."""
    series: Floats = read_npy(MACKEY_GLASS.path(f"mg_{tau}.npy", data)).reshape(-1).astype(np.float64)
    return series
