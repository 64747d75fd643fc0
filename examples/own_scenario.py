"""A scenario of your own: how many of n inputs have to come together for a neuron to spike.

python examples/own_scenario.py run coincidence --preset slow n_inputs=20 -o coincidence.h5
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt

import eventsim as es
from eventsim.scenarios import Run, Scenario
from eventsim.scenarios.cli import main


@es.register("scenario", "coincidence")  # gives it a name, as eventsim run takes it
@dataclass(frozen=True, kw_only=True)
class Coincidence(Scenario):
    """Volleys of 1 to n inputs reach a neuron each; what is the smallest that makes it spike?"""

    presets: ClassVar = {"fast": {}, "slow": {"tau_mem": 20.0}}
    n_inputs: Annotated[int, Ge(1), "largest volley"] = 10
    tau_mem: Annotated[float, Gt(0), "ms, membrane"] = 10.0
    weight: Annotated[float, Gt(0), "of an input"] = 0.3

    def run(self, run: Run) -> None:
        sizes = np.arange(1, self.n_inputs + 1)
        net = es.Network(seed=run.seed)  # times in ms
        net.add("volleys", es.models.SpikeSource(times=np.ones(len(sizes)), units=sizes - 1), len(sizes))
        net.add("cells", es.models.LIF(tau_mem=self.tau_mem, tau_syn=5.0), len(sizes))
        net.connect("volleys", "cells", es.connect.one_to_one(), weight=self.weight * sizes[:, None])
        sim = es.Simulation(net)
        sim.run(100.0)
        fires = np.isin(sizes - 1, sim.spikes("cells").units)
        run.metric("least_inputs", np.argmax(fires) + 1)  # metrics and arrays go to the file of the run


if __name__ == "__main__":
    raise SystemExit(main())
