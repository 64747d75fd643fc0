"""Plasticity of pairs and triplets by direct sums over all earlier spikes: slow, and without any trace."""

import math


def _sum(times, now, tau, nearest):
    """Return the sum of exp(-(now - t) / tau) over the times before now, or its last term alone."""
    before = [t for t in times if t < now]
    if nearest:
        before = before[-1:]
    return sum(math.exp(-(now - t) / tau) for t in before)


def final_weight(weight, pre, post, rule):
    """Return the weight of one synapse after all spikes.

    `pre` and `post` are the times at which the synapse sees them. `rule` is a dictionary with w_max, nearest,
    and a, tau and mu of each trace by name, as in `eventsim.models.plasticity.spike_timing`.
    """
    # A target's spike comes before a source's of the same time.
    for time, is_pre in sorted([(t, 1) for t in pre] + [(t, 0) for t in post]):
        if is_pre:
            slow = _sum(pre, time, rule["tau_plus_triplet"], False)
            fall = rule["a_minus"] + rule["a_minus_triplet"] * slow
            fall *= _sum(post, time, rule["tau_minus"], rule["nearest"])
            weight = max(0.0, weight - fall * (weight / rule["w_max"]) ** rule["mu_minus"])
        else:
            slow = _sum(post, time, rule["tau_minus_triplet"], False)
            rise = rule["a_plus"] + rule["a_plus_triplet"] * slow
            rise *= _sum(pre, time, rule["tau_plus"], rule["nearest"])
            weight = min(rule["w_max"], weight + rise * (1 - weight / rule["w_max"]) ** rule["mu_plus"])
    return weight
