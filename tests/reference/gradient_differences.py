"""Random networks whose derivatives are compared with central differences."""

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import SpikeGradient

M = es.models
STEPS = (1e-4, 3e-5, 1e-5, 3e-6, 1e-6)


def random_network(rng, make, kind="synaptic", weight=1.0, n=5, loops=True):
    """Return a network with a loop and delays of a kind."""
    net = es.Network(seed=1)
    net.add("in", M.SpikeSource(), 4)
    net.add("a", make(rng, n), n)
    net.add("b", make(rng, 3), 3)
    pairs = [("in", "a", 4, n), ("a", "b", n, 3)] + ([("b", "a", 3, n), ("a", "a", n, n)] if loops else [])
    for pre, post, n_pre, n_post in pairs:
        shape = {"uniform": (), "axonal": (n_pre, 1), "dendritic": (1, n_post), "synaptic": (n_pre, n_post)}[
            kind
        ]
        delay = rng.uniform(0.1, 0.8, shape)
        mean = 2.0 if post == "a" and pre == "in" else 0.8
        net.connect(
            pre,
            post,
            weight=weight * rng.normal(mean, 1.0, (n_pre, n_post)),
            delay=float(delay) if shape == () else delay,
        )
    return net


def inputs(rng, n_samples=3, end=4.0):
    return {"in": [(np.sort(rng.uniform(0, end, 9)), rng.integers(0, 4, 9)) for _ in range(n_samples)]}


def loss_errors(run, names, rng):
    """Return the weights of all spikes in a loss that is linear in spike times."""
    return {name: [rng.normal(size=len(run.spikes(name, k))) for k in range(len(run))] for name in names}


def membrane_errors(run, probes, rng, highest=3.0):
    """Return the weights of membranes in a loss that is linear in them; 0 where they are about to spike."""
    found = {}
    for name in probes:
        v = run.membranes(name)
        found[name] = np.where(np.abs(v) < highest, rng.normal(size=v.shape), 0.0)
    return found


def central_differences(
    net,
    given,
    until,
    names,
    keys=None,
    tolerance=1e-7,
    noise=2e-9,
    steps=STEPS,
    most=3,
    probes=None,
    highest=3.0,
):
    """Compare derivatives of a random loss in some entries of every parameter; returns their number.

    The loss is of the spikes of `names`, or with `probes` of membranes.
    """
    gradient = SpikeGradient(net, kernel="adjoint")
    run = gradient.forward(given, until, probes=probes)
    if probes is None:
        errors = loss_errors(run, names, np.random.default_rng(4))
        found = gradient.backward(run, errors).parameters
    else:
        heights = membrane_errors(run, probes, np.random.default_rng(4), highest)
        found = gradient.backward(run, {}, membranes=heights).parameters
    counts = {name: run.counts(name) for name in names}

    def loss():
        again = gradient.forward(given, until, probes=probes)
        if any(not np.array_equal(again.counts(name), counts[name]) for name in names):
            return None
        if probes is not None:
            # What is infinite has no weight.
            return sum(
                np.vdot(w, np.where(w == 0, 0.0, again.membranes(name))) for name, w in heights.items()
            )
        # A spike keeps its weight, though it may change places with one of another unit.
        total = 0.0
        for name in names:
            for k in range(len(run)):
                a, b = run.spikes(name, k), again.spikes(name, k)
                for unit in np.unique(a.units):
                    total += errors[name][k][a.units == unit] @ b.times[b.units == unit]
        return total

    rng, checked = np.random.default_rng(3), 0
    for key, value in gradient.parameters.items():
        if (keys is not None and key not in keys) or not np.isfinite(value).all():
            continue
        largest = np.abs(found[key]).max()
        flat = value.reshape(-1)
        for at in rng.choice(flat.size, min(flat.size, most), replace=False):
            original, numeric = flat[at], []
            for step in steps:
                h, values = step * max(abs(original), 0.1), []
                for shift in (1, -1, 2, -2):
                    flat[at] = original + shift * h
                    values.append(loss())
                if None not in values:
                    numeric.append((8 * (values[0] - values[1]) - (values[2] - values[3])) / (12 * h))
            flat[at] = original
            if len(numeric) < 2:
                continue
            # Long steps err by curvature, short ones by rounding: that counts which a neighbour confirms.
            best = numeric[1 + int(np.argmin(np.abs(np.diff(numeric))))]
            # Of the loss, some 1e-14, over a step.
            exact = found[key].reshape(-1)[at]
            assert best == pytest.approx(exact, rel=tolerance, abs=max(tolerance * largest, noise)), key
            checked += 1
    return checked
