"""How far a network that learns from sequences follows the exact gradient, layer by layer."""

import numpy as np

from eventsim.models.training.sequence_trainer import SequenceLearner
from eventsim.trace import Floats

BATCHES, SAMPLES = 3, 20  # what the gradients are of; fewer samples where so many rates are too many
MOST_RATES = 20_000_000  # that backpropagation keeps, and as many slopes


def cosines(learner: SequenceLearner) -> Floats:
    """Return cosines with the exact gradient, by projection, of GLE's and of instant errors; shape (n, 2).

    The gradient is that of the summed cross-entropy over the first batches, by backpropagation through
    time with the present weights held fixed; a few sequences of each batch are enough for a direction.
    """
    from eventsim.models.prospective.adjoint import compare_gradients

    sim, net = learner.sim, learner.sim.net
    neurons = [net.populations[projection.post].model for projection in net.projections]
    kept = BATCHES * learner.ticks * sum(net.populations[projection.post].n for projection in net.projections)
    every = max(1, int(sim.batch) // max(1, min(SAMPLES, MOST_RATES // kept)))
    inputs, targets = [], []
    for number in range(BATCHES):
        x, y = (values[..., ::every, :] for values in learner.shown(number))
        inputs.append(x)
        targets.append(np.broadcast_to(y, (len(x), *y.shape[-2:])))
    weights = [sim.weights(p.name) for p in net.projections]
    biases = [
        np.zeros(w.shape[1]) if p.rates is None or p.rates.bias is None else sim.bias(p.name)
        for p, w in zip(net.projections, weights, strict=True)
    ]
    found = compare_gradients(
        weights,
        [neuron.tau_mem for neuron in neurons],
        [neuron.tau_r for neuron in neurons],
        [neuron.activation for neuron in neurons],
        np.concatenate(inputs),
        np.concatenate(targets),
        sim.dt,
        BATCHES * learner.ticks,
        learner.beta,
        biases,
        "cross_entropy",
    ).cosines_by_layer()
    return np.array([found["gle"], found["instant"]]).T
