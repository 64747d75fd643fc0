"""The network: excitatory and inhibitory neurons, each with synapses drawn from both."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventsim import Network
    from eventsim.scenarios.balanced_network import BalancedNetwork

POPULATIONS = ("excitatory", "inhibitory")


def build(scenario: "BalancedNetwork", seed: int) -> "Network":
    """Return the network of a seed: two populations, their synapses, and Poisson input if there is any."""
    from eventsim import Network, connect, models
    from eventsim.rng import stream

    net = Network(seed=seed)
    sizes = dict(zip(POPULATIONS, (scenario.n_excitatory, scenario.n_inhibitory), strict=True))
    for name, n in sizes.items():
        neuron = models.LIF(
            tau_mem=scenario.tau_mem,
            tau_syn=scenario.tau_syn,
            c_mem=scenario.c_mem,
            v_th=scenario.v_th,
            t_ref=scenario.t_ref,
            i_ext=scenario.i_ext,
            v_init=stream(seed, "v_init", name).uniform(0.0, scenario.v_th, n),
        )
        net.add(name, neuron, n)
    in_degrees = (scenario.k_excitatory, scenario.k_inhibitory)
    weights = (scenario.weight_excitatory, scenario.weight_inhibitory)
    for post, n in sizes.items():
        for pre, k, weight in zip(POPULATIONS, in_degrees, weights, strict=True):
            net.connect(pre, post, connect.fixed_indegree(k), weight=weight, delay=scenario.delay)
        if scenario.rate_external > 0:
            drive = f"input_{post}"
            net.add(drive, models.Poisson(rate=scenario.rate_external), n, record_spikes=False)
            net.connect(drive, post, connect.one_to_one(), weight=scenario.weight_external)
    return net
