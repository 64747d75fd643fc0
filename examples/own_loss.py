"""A loss of your own: each wrong output should spike later than the correct one, by a margin."""

import numpy as np

import eventsim as es
from eventsim.models.training import Adam, Batches, SpikeLearner, SupervisedLearner, Task, Trainer, shuffled


class Hinge:
    """L = sum over wrong outputs n of max(0, margin - (t_n - t*)), with t* of the correct output."""

    margin = 0.3  # tau_syn

    def __call__(self, times, labels, tau_syn=1.0):  # times (n_samples, n_outputs), inf for no spike
        samples = np.arange(len(times))
        correct = times[samples, labels]
        correct = np.where(np.isfinite(correct), correct, -np.inf)  # silent: no cost, no gradient
        cost = np.maximum(0.0, self.margin - (times - correct[:, None]) / tau_syn)
        cost[samples, labels] = 0.0
        errors = np.where(cost > 0.0, -1.0 / tau_syn, 0.0)  # dL/dt_n
        errors[samples, labels] = -errors.sum(axis=1)
        return cost.sum(axis=1), errors

    def predict(self, times, tau_syn=1.0):
        return np.where(np.isfinite(times).any(axis=1), times.argmin(axis=1), -1)


rng, neuron = np.random.default_rng(1), es.models.LIF(tau_mem=2.0, first_spike_only=True)
net = es.Network(time_unit="1")
for name, model, n in (("input", es.models.SpikeSource(), 4), ("hidden", neuron, 20), ("label", neuron, 2)):
    net.add(name, model, n)
net.connect("input", "hidden", weight=rng.normal(1.0, 1.0, (4, 20)), delay=rng.uniform(0.2, 0.8, (4, 20)))
net.connect("hidden", "label", weight=rng.normal(0.3, 0.5, (20, 2)), delay=rng.uniform(0.2, 0.8, (20, 2)))
times = rng.uniform(0.1, 2.0, (400, 4))
labels = (times[:, 0] + times[:, 1] > times[:, 2] + times[:, 3]).astype(int)
task = Task("sums", 4, 2, {"train": (times[:300], labels[:300]), "validation": (times[300:], labels[300:])})
network = SpikeLearner(net, "label", Hinge(), max_missing={"hidden": 0.3, "label": 0.0})
learner = SupervisedLearner(network=network, optimiser=Adam(0.02), task=task)
trainer = Trainer(learner, Batches(300, 20, shuffled(300)), epochs=20).run()
print("validation accuracy", trainer.history["validation_accuracy"][-1])
