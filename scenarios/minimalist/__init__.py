"""MINIMALIST: gated recurrent units with so few bits that charge sharing between capacitors computes them.

A network of minimal gated recurrent units sees images row by row. Weights have 2 bits, biases and gates 6,
outputs 1; states are real. Billaudelle et al. (2025) train it in software with these constraints and show
that a switched-capacitor circuit has the same traces. The scenario trains it with the constraints one by one,
runs it on a model of the circuit with unit capacitors and their imperfections, and compares the two.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eventsim.registry import register
from eventsim.scenarios.minimalist.settings import Settings
from eventsim.scenarios.scenario import Run, Scenario
from eventsim.trace import Trace

if TYPE_CHECKING:
    from eventsim.scenarios.trained_models import Rebuilt, TrainedModel


@register("scenario", "minimalist")
@dataclass(frozen=True, slots=True, kw_only=True)
class Minimalist(Settings):
    """Gated recurrent units of few bits, as capacitors that share their charge compute them."""

    def data_sets(self) -> tuple[str, ...]:
        """Return the published data sets that the run reads."""
        return ("mnist",) if self.dataset == "smnist" else ()

    @staticmethod
    def plots(trace: Trace) -> dict[str, Callable[[Trace], Any]]:
        """Return the plots of a run of this scenario."""
        from eventsim.scenarios.minimalist import plots

        return plots.available(trace)

    def trained(self, rebuilt: "Rebuilt") -> "TrainedModel":
        """Return the first trained network, without the circuit; see `Scenario.trained`."""
        import numpy as np

        from eventsim.scenarios import trained_models
        from eventsim.scenarios.minimalist import data, learner, network

        if self.compared:
            return Scenario.trained(self, rebuilt)
        task = data.task(self, rebuilt.run)
        net = network.network(self, task.n_inputs, task.n_classes, np.random.default_rng(0))
        for name, array in net.parameters.items():
            array[...] = rebuilt.array(name)
        found = trained_models.sequences(learner.learner_of(task, net, rebuilt.run.seed), task.n_classes)
        found.about["Network"] = f"the first of {self.networks}"
        return found

    def run(self, run: Run) -> None:
        """Train, compare constraints, put the networks on the circuit, measure imperfections."""
        from eventsim.scenarios.minimalist import data, imperfections, learner, measuring, on_circuit

        device = on_circuit.device_of(self, run)
        task = data.task(self, run)
        in_the_loop = device if self.in_the_loop else None
        trained = learner.train_all(self, run, task, learner.variants_of(self), in_the_loop)
        measuring.report(self, run, task, trained)
        if self.compared or not on_circuit.holds(self):
            return
        nets = list(trained.values())
        on_circuit.compare(self, run, task, nets, on_circuit.ideal_device(self), "circuit")
        if device is not None:
            on_circuit.compare(self, run, task, nets, device, "hardware")
        on_circuit.record_traces(self, run, task, nets[0], device)
        if self.imperfections:
            imperfections.measure(self, run, task, nets)
