"""States of training that earlier versions wrote; tests/frozen resumes whole runs from them."""

import numpy as np

from eventsim.models.training.earlier_states import current_state
from eventsim.models.training.learner import EpochMetrics


def metrics(state):
    return EpochMetrics.restored(current_state(state)["metrics"]).metrics()


ADAM = {"epoch": 3, "steps": 41, "first": {"a->b": np.ones(2)}, "second": {"a->b": np.zeros(2)}}
TALLY = {"loss": 6.0, "correct": 7, "samples": 20, "bumps": 2, "missing": {"hidden": 4.0}}


def test_a_run_of_first_spike_names_weights_as_a_spike_learner_does():
    learner = {"weights": {"a->b": np.arange(2.0)}, "bump": 0.5, "bumped": "hidden"}
    old = {"dataset": "x", "epoch": 3, "batch": 2, "tally": TALLY, "learner": learner, "optimiser": ADAM}
    state = current_state(old)
    assert (state["epoch"], state["batch"]) == (3, 2)
    network, adam = state["learner"]["network"], state["learner"]["optimiser"]
    assert list(network["parameters"]) == list(adam["first"]) == list(adam["second"]) == ["weight/a->b"]
    assert (network["bump"], network["bumped"], adam["steps"]) == (0.5, "hidden", 41)
    assert metrics(old) == {"train_loss": 0.3, "train_accuracy": 0.35, "missing_hidden": 0.2, "bumps": 2}


def test_a_run_at_the_start_of_an_epoch_has_no_metrics_yet():
    nothing = {"loss": 0.0, "correct": 0, "samples": 0, "bumps": 0, "missing": {}}
    learner = {"parameters": {"weight/a->b": np.ones(2)}, "bump": 0.1, "bumped": ""}
    old = {"epoch": 1, "batch": 0, "tally": nothing, "learner": learner, "optimiser": ADAM}
    assert current_state(old)["metrics"] == {"n_samples": 0, "sums": {}, "counts": {}}
    assert current_state(old)["learner"] == {"network": learner, "optimiser": ADAM}


def test_a_run_of_a_continuous_network_keeps_simulation_targets_and_plateau():
    old = {
        "epoch": 2,
        "batch": 5,
        "sim": {"now": 1.0},
        "tally": np.array([3.0, 8.0, 12.0]),
        "target": np.ones(2),
        "held": np.zeros(2),
        "plateau": {"scale": 0.25, "best": 0.1, "bad": 1},
    }
    state = current_state(old)
    assert state["learner"].keys() == {"sim", "target", "previous_target"}
    assert state["schedule"] == {"scale": 0.25, "best": 0.1, "bad_epochs": 1}
    assert metrics(old) == {"train_loss": 0.25, "train_accuracy": 8 / 12}


def test_a_run_that_stopped_between_epochs_goes_on_with_the_first_batch():
    assert current_state({"epoch": 4, "sim": {"now": 1.0}}) == {
        "epoch": 4,
        "batch": 0,
        "metrics": {"n_samples": 0},
        "learner": {"sim": {"now": 1.0}},
    }
    network = {"model": "ann", "epoch": 4, "network": {"steps": 3}}
    assert current_state(network)["learner"] == {"network": {"steps": 3}}


def test_a_state_of_today_is_left_as_it_is():
    today = {"epoch": 1, "batch": 2, "metrics": {"n_samples": 0}, "learner": {}, "history": {}}
    assert current_state(today) == today
