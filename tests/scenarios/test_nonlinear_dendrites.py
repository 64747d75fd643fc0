"""Structural plasticity as the sheet asks for it, from a run of the scenario."""

import pytest

from eventsim import io
from eventsim.scenarios.running import Request, execute


def metrics(tmp_path, **settings):
    path = tmp_path / "run.h5"
    values = {"task": "structural-plasticity"} | settings
    execute(Request(name="nonlinear-dendrites", values=values, seed=1, output=path, quiet=True))
    return io.load(path).metrics


def test_branches_come_to_listen_to_one_group_each_and_fire_for_it(tmp_path):
    found = metrics(tmp_path)
    assert found["least_share_of_one_group"] >= 0.8
    assert found["selectivity"] >= 5.0
    # Each of 8 branches fires with its group, that is in one volley of 8.
    assert found["plateaus_per_group_volley"] == pytest.approx(1.0, abs=0.2)


def test_branches_that_keep_their_sources_do_not(tmp_path):
    found = metrics(tmp_path, pruning=False)
    assert found["mean_share_of_one_group"] < 0.5
    assert found["selectivity"] < 5.0
