"""DelGrad from the command line: what its presets train, what is kept, what is compared."""

from pathlib import Path

import numpy as np
import pytest

from eventsim import io
from eventsim.scenarios import tasks
from eventsim.scenarios.delgrad import DelGrad
from eventsim.scenarios.running import Request, execute
from eventsim.scenarios.shell import results


def trained(path: Path, preset: str | None = None, threads: int = 1, **values):
    outcome = execute(
        Request(
            name="delgrad",
            preset=preset,
            values=values,
            seed=4,
            output=path,
            quiet=True,
            threads=threads,
        )
    )
    return outcome, io.load(path)


@pytest.fixture(scope="module")
def synaptic(tmp_path_factory):
    """Return a network of the published size after six epochs."""
    return trained(tmp_path_factory.mktemp("delgrad") / "a.h5", epochs=6)


def test_it_learns_as_fast_as_the_published_network(synaptic):
    _, trace = synaptic
    # Of the authors' network: 33.6, 57.7, 68.4 % at epochs 0, 1, 2, and 88.9 % at epoch 5.
    assert trace.training["validation_accuracy"][-1] >= 0.80
    assert trace.metrics["test_accuracy"] >= 0.78
    assert trace.metrics["trained_numbers"] == 420


@pytest.mark.parametrize(
    ("preset", "numbers"),
    [("W", 210), ("WA", 244), ("WS", 420), ("WS-5", 70), ("hw-aware-W", 690), ("hw-aware-WA", 724)],
)
def test_each_preset_trains_as_many_numbers_as_the_published_network(preset, numbers):
    scenario = io.config.make(DelGrad, DelGrad.presets[preset])
    parameters = scenario.learner(tasks.yin_yang(), 0, 1).parameters
    assert sum(value.size for value in parameters.values()) == numbers


def test_delays_start_in_the_middle_of_their_range_and_stay_inside(synaptic):
    _, trace = synaptic
    for name in ("input->hidden", "hidden->label"):
        before, after = trace.parameters[f"initial/delay/{name}"], trace.parameters[f"delay/{name}"]
        assert before.mean() == pytest.approx(0.5, abs=0.03)
        assert before.std() == pytest.approx(0.25 / 4, rel=0.3)  # a sigmoid of N(0, 0.25) has slope 1/4
        assert (after > 0).all()
        assert (after < 1).all()
        assert np.abs(after - before).max() > 0.01


@pytest.mark.parametrize("positivity", ["clip", "shift"])
def test_delays_never_become_negative_whatever_keeps_them_so(tmp_path, positivity):
    values = {"positivity": positivity, "n_hidden": 8, "delay_learning_rate": 0.05}
    _, trace = trained(tmp_path / "a.h5", epochs=4, **values)
    delays = np.concatenate([v.ravel() for k, v in trace.parameters.items() if k.startswith("delay/")])
    assert delays.min() >= 0
    assert delays.max() > 1.0  # no sigmoid holds them below
    assert trace.metrics["test_accuracy"] > 0.5


def test_copies_of_an_input_share_its_delay(tmp_path):
    _, trace = trained(tmp_path / "a.h5", "hw-aware-WA", epochs=1, n_hidden=6)
    delays = trace.parameters["delay/input->hidden"]
    assert delays.shape == (20, 1)
    np.testing.assert_array_equal(delays.reshape(5, 4), np.tile(delays[:4, 0], (5, 1)))
    assert len(np.unique(delays)) == 4
    assert (delays > 2).all()
    assert (delays < 3.5).all()


def test_what_is_frozen_stays(tmp_path):
    _, trace = trained(tmp_path / "a.h5", epochs=3, n_hidden=10, learn_weights=False)
    for name, value in trace.parameters.items():
        if name.startswith("weight/"):
            np.testing.assert_array_equal(value, trace.parameters[f"initial/{name}"])
        if name.startswith("delay/"):
            assert not np.array_equal(value, trace.parameters[f"initial/{name}"])


def test_noise_of_the_chip_is_the_same_for_the_same_seed_and_any_threads(tmp_path):
    _, one = trained(tmp_path / "a.h5", "hw-aware-WA", epochs=1, n_hidden=6)
    _, other = trained(tmp_path / "b.h5", "hw-aware-WA", threads=2, epochs=1, n_hidden=6)
    assert one.metrics == other.metrics
    for name, value in one.parameters.items():
        np.testing.assert_array_equal(value, other.parameters[name])


def test_a_network_of_a_comparison_is_the_one_that_its_preset_trains_alone(tmp_path):
    values = {"compared": ("W", "WS"), "sizes": (5, 8), "networks": 2, "epochs": 2}
    outcome, trace = trained(tmp_path / "a.h5", threads=2, **values)
    accuracy = trace.parameters["networks/test_accuracy"]
    assert accuracy.shape == (4, 2)
    np.testing.assert_array_equal(trace.parameters["networks/trained_numbers"][:, 0], [35, 56, 70, 112])
    alone = execute(
        Request(
            name="delgrad",
            preset="WS",
            values={"n_hidden": 8, "epochs": 2},
            seed=5,
            output=tmp_path / "b.h5",
            quiet=True,
        )
    )
    assert outcome.run is not None
    assert alone.run is not None
    assert accuracy[3, 1] == alone.run.metrics["test_accuracy"]
    assert outcome.run.metrics["test_accuracy_WS_8"] == pytest.approx(accuracy[3].mean())
    known = results.available_plots(trace)
    assert "efficiency" in known
    known["efficiency"](trace).savefig(tmp_path / "a.png")


def test_its_plots_can_be_drawn(synaptic, tmp_path):
    _, trace = synaptic
    known = results.available_plots(trace)
    for name in ("distributions", "before-after"):
        known[name](trace).savefig(tmp_path / f"{name}.png")
        assert (tmp_path / f"{name}.png").stat().st_size > 10_000
