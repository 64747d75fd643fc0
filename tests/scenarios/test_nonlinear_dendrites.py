"""Structural plasticity as the sheet asks for it, from a run of the scenario."""

import pytest

from eventsim import io
from eventsim.scenarios.nonlinear_dendrites import NonlinearDendrites
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


@pytest.mark.parametrize(
    ("task", "names"),
    [
        ("all-or-none", {"potentials", "curve"}),
        ("plateau", {"potentials", "curve"}),
        ("hold-off", {"potentials", "curve"}),
        ("synchrony", {"potentials", "curve"}),
        ("coincidence-window", {"windows"}),
        ("bac-firing", {"potentials", "curve", "windows"}),
        ("monte-carlo", {"distributions"}),
    ],
)
def test_every_task_has_plots_with_a_label_on_each_axis(task, names, tmp_path):
    path = tmp_path / "run.h5"
    values = {"task": task, "dt": 0.1, "neurons": 30}
    execute(Request(name="nonlinear-dendrites", values=values, seed=1, output=path, quiet=True))
    trace = io.load(path)
    drawn = NonlinearDendrites.plots(trace)
    assert set(drawn) == names
    for draw in drawn.values():
        figure = draw(trace)
        figure.savefig(tmp_path / "plot.png")
        assert all(axes.get_ylabel() for axes in figure.axes)
        assert "(ms)" in figure.axes[-1].get_xlabel() or "inputs" in figure.axes[-1].get_xlabel()


def test_six_inputs_fire_the_dendrite_if_they_come_within_15_ms_and_do_not_within_20(tmp_path):
    path = tmp_path / "run.h5"
    execute(Request(name="nonlinear-dendrites", preset="synchrony", seed=1, output=path, quiet=True))
    assert 15.0 <= io.load(path).metrics["widest_spread"] < 20.0
