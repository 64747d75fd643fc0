"""The network: one population of visible and latent neurons, its plastic synapses, and its scaffold."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eventsim import rng as streams
from eventsim.scenarios.elise.scaffold import Scaffold, check_step, grow
from eventsim.trace import Floats

if TYPE_CHECKING:
    from eventsim import Network

NEURONS, DENDRITES = "neurons", "dendrites"
G_LEAK, G_DENDRITE = 0.1, 2.0  # 1/ms
G_EXCITATION, G_INHIBITION = 0.3, 6.0  # 1/ms, of a scaffold connection
E_LEAK = -70.0  # mV
INTERNEURON = 25.0  # ms, that inhibition is later than excitation
WEIGHT_STD = 0.5  # mV
TICK = 0.1  # ms, of the learning rates, which are published per tick
UNIFORM = 10.0  # ms, delay of all neurons in the control


@dataclass(frozen=True, slots=True)
class Structure:
    """What is drawn before learning.

    Attributes
    ----------
    scaffold : the somatic connections.
    dendritic, somatic : delays D and DE of each neuron in ticks, shape (n,).
    weight : first dendritic weights, mV, shape (n, n), from row to column.
    present : whether there is a dendritic synapse, shape (n, n).
    remark : what a user has to know of the scaffold; empty if nothing.
    """

    scaffold: Scaffold
    dendritic: NDArray[np.int64]
    somatic: NDArray[np.int64]
    weight: Floats
    present: NDArray[np.bool_]
    remark: str = ""


def draw(config: Any, n_visible: int, seed: int) -> Structure:
    """Return the structure of a network of `config.latent` latent neurons."""
    n = n_visible + config.latent
    if config.scaffold:
        scaffold = grow(
            n_visible, config.latent, config.p, config.q, config.p0, streams.stream(seed, "scaffold")
        )
    else:
        none = np.zeros(0, np.int64)
        scaffold = Scaffold(none, none, n_visible, n)
    remark = check_step(scaffold, config.dt, G_LEAK + G_DENDRITE, G_EXCITATION + G_INHIBITION)
    delays = [_delays(config, n, streams.stream(seed, "delay", which)) for which in ("dendrite", "soma")]
    weight = streams.stream(seed, "weight").normal(0.0, WEIGHT_STD, (n, n))
    present = _present(config, scaffold, streams.stream(seed, "present"))
    return Structure(scaffold, delays[0], delays[1], np.where(present, weight, 0.0), present, remark)


def _delays(config: Any, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a delay of each neuron in ticks."""
    low, high = (UNIFORM, UNIFORM) if config.uniform_delays else (config.least_delay, config.largest_delay)
    return rng.integers(round(low / config.dt), round(high / config.dt), n, endpoint=True)


def _present(config: Any, scaffold: Scaffold, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which dendritic synapses exist."""
    n, n_visible = scaffold.n, scaffold.n_visible
    draws = rng.random((n, n))
    present = draws < config.density
    if config.protected:
        present |= scaffold.parents() > 0
    if config.innervation < 1.0:
        present[:n_visible, n_visible:] &= rng.random((n_visible, n - n_visible)) < config.innervation
    np.fill_diagonal(present, False)
    if config.soma_only:
        present[:, n_visible:] = False
    return np.asarray(present, bool)


def learning_rates(config: Any, structure: Structure) -> Floats:
    """Return the learning rate of each synapse per ms, shape (n, n)."""
    n_visible, n = structure.scaffold.n_visible, structure.scaffold.n
    rates = np.full((n, n), config.learning_rate_latent / TICK)
    rates[:n_visible, :n_visible] = config.learning_rate_visible / TICK
    if config.reservoir or config.soma_only:
        rates[:, n_visible:] = 0.0
    missing = ~structure.present
    np.fill_diagonal(missing, False)  # no neuron learns a synapse onto itself anyway
    return np.where(missing, 0.0, rates)


def network(config: Any, structure: Structure, seed: int) -> "Network":
    """Return the declared network."""
    import eventsim as es

    scaffold, dt = structure.scaffold, config.dt
    n, n_visible = scaffold.n, scaffold.n_visible
    visible = np.arange(n) < n_visible
    dendrite = np.where(visible | (not config.soma_only), G_DENDRITE, 0.0)
    net = es.Network(seed=seed)
    net.add(NEURONS, es.models.TwoCompartmentRate(g_leak=G_LEAK, g_dendrite=dendrite, taught=visible), n)
    net.connect(
        NEURONS,
        NEURONS,
        name=DENDRITES,
        weight=structure.weight,
        delay=es.connect.axonal(
            (structure.dendritic - 1) * dt
        ),  # an age of D - 1 ticks, of DE in the scaffold
        receptor="dendrite",
    )
    net.add_plasticity(
        DENDRITES,
        es.models.plasticity.DendriticPrediction(
            learning_rates(config, structure), tau=1 / G_LEAK, gain=G_DENDRITE / (G_LEAK + G_DENDRITE)
        ),
    )
    if len(scaffold.pre):
        for receptor, conductance, later in (
            ("excitation", G_EXCITATION, 0.0),
            ("inhibition", G_INHIBITION, INTERNEURON),
        ):
            net.connect(
                NEURONS,
                NEURONS,
                es.connect.Pairs(scaffold.pre.astype(np.int32), scaffold.post.astype(np.int32)),
                name=receptor,
                weight=conductance,
                delay=es.connect.axonal(structure.somatic * dt + later),
                variable="supply",
                receptor=receptor,
            )
    return net
