"""Random networks for tests of EventProp: sizes, ratios, loops, delays of each kind."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse

import eventsim as es

RATIOS = (1.0, 2.0, 0.5, 1.37, 3.0, 1.0001)


@dataclass
class Case:
    net: es.Network
    inputs: list[tuple[np.ndarray, np.ndarray]]
    until: float


def random_case(seed: int) -> Case:
    rng = np.random.default_rng(seed)
    net = es.Network(seed=seed)
    n_input = int(rng.integers(1, 6))
    net.add("input", es.models.SpikeSource(), n_input)
    sizes = rng.integers(1, 7, size=rng.integers(1, 4))
    names = [f"layer{k}" for k in range(len(sizes))]
    once = bool(rng.random() < 0.3)
    for name, n in zip(names, sizes, strict=True):
        net.add(name, lif(rng, int(n), once), int(n))
    previous = "input"
    for name in names:
        join(rng, net, previous, name, 1.5, 0.0)
        previous = name
    if rng.random() < 0.3:
        join(rng, net, "input", names[-1], 1.0, 0.0)
    if not once or rng.random() < 0.3:
        for name in names:
            if rng.random() < 0.6:
                join(rng, net, name, name, -0.2, 0.1)
        if len(names) > 1 and rng.random() < 0.4:
            join(rng, net, names[-1], names[0], -0.2, 0.05)
    inputs = []
    for _ in range(2):
        k = int(rng.integers(1, 12))
        inputs.append((rng.uniform(0, 3, k), rng.integers(0, n_input, k)))
    return Case(net, inputs, 6.0)


def lif(rng: np.random.Generator, n: int, once: bool) -> es.models.LIF:
    ratio = float(rng.choice(RATIOS))
    tau_syn = float(rng.uniform(0.5, 1.5))
    each = rng.random() < 0.3
    spread = rng.uniform(0.8, 1.25, n) if each else 1.0
    return es.models.LIF(
        tau_mem=ratio * tau_syn * spread,
        tau_syn=tau_syn * (rng.uniform(0.8, 1.25, n) if each and rng.random() < 0.5 else 1.0),
        c_mem=float(rng.uniform(0.7, 1.3)),
        v_th=1.0 * (rng.uniform(0.8, 1.25, n) if rng.random() < 0.3 else 1.0),
        v_leak=float(rng.choice([0.0, -0.2])),
        v_reset=float(rng.choice([0.0, -0.5, 0.3])),
        i_ext=float(rng.choice([0.0, 0.2, 1.3])),
        t_ref=float(rng.choice([0.0, 0.3])),
        first_spike_only=once,
    )


def join(
    rng: np.random.Generator, net: es.Network, pre: str, post: str, strength: float, least: float
) -> None:
    n_pre, n_post = net.populations[pre].n, net.populations[post].n
    weight = rng.normal(strength, 0.5 + abs(strength) / 2, (n_pre, n_post)) * 2.0 / np.sqrt(n_pre)
    kind = rng.choice(["uniform", "axonal", "dendritic", "synaptic"])
    shape = {"uniform": (), "axonal": (n_pre, 1), "dendritic": (1, n_post), "synaptic": (n_pre, n_post)}[
        str(kind)
    ]
    delay = least + rng.uniform(0.05, 0.5, shape)
    if rng.random() < 0.3:
        mask = rng.random((n_pre, n_post)) < 0.7
        weight = scipy.sparse.csr_array(np.where(mask, weight, 0.0))
        if str(kind) == "synaptic":
            delay = scipy.sparse.csr_array(np.where(mask, delay, 0.0))
    net.connect(pre, post, weight=weight, delay=delay)


def coefficient(name: str, unit: np.ndarray, k: np.ndarray) -> np.ndarray:
    """An arbitrary error of the k-th spike of a unit."""
    return np.cos(1.0 + 1.7 * unit + 2.3 * k + len(name) + ord(name[-1]))


def ranks(units: np.ndarray) -> np.ndarray:
    """Which spike of its unit each spike is, 0 for the first."""
    seen: dict[int, int] = {}
    out = []
    for unit in units.tolist():
        out.append(seen.get(unit, 0))
        seen[unit] = out[-1] + 1
    return np.array(out, int)


def neurons(net: es.Network) -> list[str]:
    return [name for name, p in net.populations.items() if not p.model.is_source]


def errors_of(net: es.Network, run: es.models.gradients.ForwardPass) -> dict[str, list[np.ndarray]]:
    """dL/dT of the loss below."""
    found: dict[str, list[np.ndarray]] = {}
    for name in neurons(net):
        found[name] = []
        for sample in range(len(run)):
            spikes = run.spikes(name, sample)
            found[name].append(coefficient(name, spikes.units, ranks(spikes.units)))
    return found


def loss_of(net: es.Network, run: es.models.gradients.ForwardPass) -> float:
    """Sum of spike times, each with the coefficient of its unit and rank."""
    errors = errors_of(net, run)
    return float(sum(errors[name][s] @ run.spikes(name, s).times for name in errors for s in range(len(run))))
