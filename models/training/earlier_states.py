"""States of training that earlier versions wrote, in the form of today.

Before there was one `Trainer`, a run on spikes kept ``tally``, ``learner`` and ``optimiser`` beside epoch and
batch, a run of a continuous network ``sim`` and perhaps ``tally``, ``target``, ``held`` and ``plateau``, and
a run that could stop between epochs only kept no batch.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["current_state"]


def current_state(state: Mapping[str, Any]) -> dict[str, Any]:
    """Return a state that `Trainer.restore` takes, from one of this version or of an earlier one."""
    if "metrics" in state and "learner" in state:
        return dict(state)
    current: dict[str, Any] = {"epoch": state["epoch"], "batch": state.get("batch", 0)}
    current["metrics"] = _metrics(state.get("tally"))
    if "plateau" in state:
        plateau = state["plateau"]
        current["schedule"] = {
            "scale": plateau["scale"],
            "best": plateau["best"],
            "bad_epochs": plateau["bad"],
        }
    if "optimiser" in state:
        current["learner"] = {
            "network": _network(state["learner"]),
            "optimiser": _optimiser(state["optimiser"], by_projection="weights" in state["learner"]),
        }
    else:
        names = {"sim": "sim", "network": "network", "target": "target", "held": "previous_target"}
        current["learner"] = {new: state[old] for old, new in names.items() if old in state}
    return current


def _metrics(tally: Any) -> dict[str, Any]:
    """Return the sums of an epoch under way."""
    if tally is None:
        return {"n_samples": 0}
    if isinstance(tally, Mapping):
        sums = {"train_loss": tally["loss"], "train_accuracy": tally["correct"]}
        sums |= {f"missing_{name}": total for name, total in tally["missing"].items()}
        started = tally["samples"] > 0
        return {
            "n_samples": tally["samples"],
            "sums": sums if started else {},
            "counts": {"bumps": tally["bumps"]} if started else {},
        }
    loss, correct, n = np.asarray(tally).tolist()
    sums = {"train_loss": loss, "train_accuracy": correct} if n else {}
    return {"n_samples": int(n), "sums": sums}


def _network(learner: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of a `SpikeLearner` from that of a `FirstSpike`; others are as they were."""
    if "weights" not in learner:
        return dict(learner)
    parameters = {f"weight/{name}": weight for name, weight in learner["weights"].items()}
    return {"parameters": parameters, "bump": learner["bump"], "bumped": learner["bumped"]}


def _optimiser(optimiser: Mapping[str, Any], by_projection: bool) -> dict[str, Any]:
    """Return the state of Adam; that of a `FirstSpike` knew weights by their projections."""
    if not by_projection:
        return dict(optimiser)
    moments = {
        which: {f"weight/{name}": moment for name, moment in optimiser[which].items()}
        for which in ("first", "second")
    }
    return {"epoch": optimiser["epoch"], "steps": optimiser["steps"], **moments}
