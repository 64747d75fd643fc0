"""Structural plasticity: the synapses of each dendrite come to listen to sources that are active together.

A neuron has 8 dendrites with 8 synapses each. Of 64 sources, in 8 groups of 8, one group after the other
fires a volley. A kernel changes weights and sources of the synapses. At the end weights stand still, and
volleys of groups are compared with volleys of sources taken at random.
"""

from functools import cache
from typing import Any

import numpy as np

import eventsim as es
from eventsim import rng as streams
from eventsim.models import Clamp, Compartment, MultiCompartment, Receptor, ThresholdEvent
from eventsim.models.plasticity import HomeostaticSTDP, PlasticityKernel, StructuralPlasticity
from eventsim.scenarios.nonlinear_dendrites.settings import Settings
from eventsim.scenarios.scenario import Run
from eventsim.trace import Floats, Ints

N = 8  # dendrites, synapses of each, groups, sources of each
INTERVAL = 50.0  # ms, between volleys
JITTER = 2.0  # ms, standard deviation
START = 30  # steps of a weight
STEP = 6.0  # pA, of a weight: 63 of them are half of what fires a dendrite
TEST_VOLLEYS = 400


@cache
def neuron() -> MultiCompartment:
    """Return a soma and N dendrites that fire plateaus, with currents as inputs: solved exactly."""
    plateau = ThresholdEvent((Clamp(-35.0, 40.0, 20.0),), hold_off=20.0)
    reset = ThresholdEvent((Clamp(-75.0, 200.0, 2.0),))
    dendrites = [
        Compartment(f"d{k}", 100.0, 5.0, -70.0, -55.0, plateau, {"input": Receptor(3.0)}) for k in range(N)
    ]
    soma = Compartment("soma", 200.0, 10.0, -70.0, -50.0, reset)
    return MultiCompartment((soma, *dendrites), tuple(("soma", f"d{k}", 2.0) for k in range(N)))


def network(
    seed: int, labels: Ints, weights: Ints, kernel: StructuralPlasticity | None, period: float
) -> es.Network:
    """Return the network with synapses from `labels` of `weights`, both (dendrite, synapse), in steps."""
    net = es.Network(seed=seed)
    net.add("sources", es.models.SpikeSource(), N * N, record_spikes=False)
    net.add("cell", neuron(), 1)
    for k in range(N):
        pairs = [(int(s), 0) for s in labels[k]]
        name = net.connect("sources", "cell", pairs, weight=weights[k] * STEP, receptor=f"d{k}", name=f"d{k}")
        if kernel is not None:
            # A late member of a volley comes after the event; it is to count less than one that predicts it.
            sensors: dict[str, Any] = {"tau_plus": 20.0, "tau_minus": 50.0, "amplitude_minus": 0.5}
            net.add_plasticity(name, PlasticityKernel(kernel, period, weight_step=STEP, **sensors))
    return net


def volleys(rng: np.random.Generator, start: float, n: int, shuffled: bool = False) -> tuple[Floats, Ints]:
    """Return times and sources of `n` volleys from `start` on."""
    groups = rng.integers(N, size=n)
    units = np.arange(N) + N * groups[:, None]
    if shuffled:
        units = np.array([rng.permutation(N * N)[:N] for _ in range(n)]).reshape(n, N)
    middle = start + INTERVAL * (np.arange(n) + 0.5)
    jitter = np.clip(rng.normal(0.0, JITTER, (n, N)), -10.0, 10.0)
    return (middle[:, None] + jitter).ravel(), units.ravel()


def composition(sim: es.Simulation) -> tuple[Ints, Ints, Ints]:
    """Return labels and weights (dendrite, synapse), and how many synapses come from each group."""
    labels, weights = np.empty((N, N), np.int64), np.empty((N, N), np.int64)
    for k in range(N):
        pre, _, weight, _ = sim.weights(f"d{k}")
        labels[k], weights[k] = pre, np.rint(weight / STEP)
    return labels, weights, np.array([np.bincount(row // N, minlength=N) for row in labels])


def rewire(config: Settings, run: Run) -> None:
    """Let the dendrites find their groups, then compare volleys."""
    rng = run.rng("labels")
    labels = np.array([rng.permutation(N * N)[:N] for _ in range(N)])
    weights = np.full((N, N), START)
    per_period = max(int(config.period / INTERVAL), 1)
    # A dendrite that follows one group fires at 1 / (N INTERVAL); a bit less, so that weights do not grow.
    stdp = HomeostaticSTDP(rate=3.0, homeostasis=0.3, target_rate=0.7 / (N * INTERVAL))
    kernel = StructuralPlasticity(stdp, prune_below=12 if config.pruning else 0, start=20, turnover=0.1)
    sim = es.Simulation(network(run.seed, labels, weights, kernel, config.period))
    done = 0
    if run.state:
        done = int(run.state["done"])
        sim.restore(run.state["sim"])
    with run.progress(config.periods, "period", done) as bar:
        for k in range(done, config.periods):
            here = k
            run.checkpoint(lambda here=here: {"done": here, "sim": sim.snapshot()})  # type: ignore[misc]
            sim.stimulate("sources", *volleys(run.rng("volleys", k), k * config.period, per_period))
            sim.run((k + 1) * config.period, inclusive=True)
            run.series("composition", composition(sim)[2])
            bar.update()
    labels, weights, groups = composition(sim)
    run.parameter("labels", labels)
    run.parameter("weights", weights)
    run.metric("least_share_of_one_group", groups.max(axis=1).min() / N)
    run.metric("mean_share_of_one_group", groups.max(axis=1).mean() / N)
    rates = []
    for what in ("group", "shuffled"):
        test = es.Simulation(network(run.seed, labels, weights, None, config.period))
        draws = streams.stream(run.seed, "test", what)
        test.stimulate("sources", *volleys(draws, 0.0, TEST_VOLLEYS, what == "shuffled"))
        test.run(TEST_VOLLEYS * INTERVAL)
        events = [len(test.spikes(f"cell.d{k}")) for k in range(N)]
        rates.append(np.array(events) / TEST_VOLLEYS)
        run.parameter(f"plateaus_per_volley/{what}", rates[-1])
        run.metric(f"plateaus_per_{what}_volley", rates[-1].sum())
    run.metric("selectivity", rates[0].sum() / max(rates[1].sum(), 1 / TEST_VOLLEYS))
