"""The network: excitatory and inhibitory neurons, each with synapses drawn from both."""

from typing import TYPE_CHECKING

from eventsim.scenarios.balanced_network.settings import Settings

if TYPE_CHECKING:
    from eventsim import Network

POPULATIONS = ("excitatory", "inhibitory")


def build(config: Settings, seed: int) -> "Network":
    """Return the network of a seed: two populations, their synapses, and Poisson input if there is any."""
    from eventsim import Network, connect, models
    from eventsim.rng import stream

    net = Network(seed=seed)
    sizes = dict(zip(POPULATIONS, (config.n_excitatory, config.n_inhibitory), strict=True))
    for name, n in sizes.items():
        neuron = models.LIF(
            tau_mem=config.tau_mem,
            tau_syn=config.tau_syn,
            c_mem=config.c_mem,
            v_th=config.v_th,
            t_ref=config.t_ref,
            i_ext=config.i_ext,
            v_init=stream(seed, "v_init", name).uniform(0.0, config.v_th, n),
        )
        net.add(name, neuron, n)
    in_degrees = (config.k_excitatory, config.k_inhibitory)
    weights = (config.weight_excitatory, config.weight_inhibitory)
    for post, n in sizes.items():
        for pre, k, weight in zip(POPULATIONS, in_degrees, weights, strict=True):
            net.connect(pre, post, connect.fixed_indegree(k), weight=weight, delay=config.delay)
        if config.rate_external > 0:
            drive = f"input_{post}"
            net.add(drive, models.Poisson(rate=config.rate_external), n, record_spikes=False)
            net.connect(drive, post, connect.one_to_one(), weight=config.weight_external)
    return net
