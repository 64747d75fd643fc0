"""Parameters are copied; the form of errors is never guessed; forks; slices that hear signals."""

import multiprocessing
from functools import partial

import numpy as np
import pytest

import eventsim as es
from eventsim.models.gradients import Noise, SpikeGradient
from eventsim.models.gradients.first_spike import kernel as first_spike

M = es.models
PARTS = [
    (partial(M.SpikeSource, units=[0, 0]), "times"),
    (partial(M.SpikeSource, [1.0, 2.0]), "units"),
    (M.Regular, "period"),
    (partial(M.Regular, 1.0), "phase"),
    (M.Poisson, "rate"),
    *(
        (M.LIF, name)
        for name in ("tau_mem", "tau_syn", "c_mem", "v_th", "i_ext", "t_ref", "v_init", "i_init")
    ),
    (M.LIFDelta, "tau_mem"),
    (M.LatentEquilibrium, "tau_mem"),
    (M.GeneralizedLatentEquilibrium, "tau_r"),
    (partial(M.Clamp, conductance=1.0), "target"),
    (M.ThresholdEvent, "hold_off"),
    (partial(M.Compartment, "soma"), "i_ext"),
]


@pytest.mark.parametrize("kind", [np.array, list])
@pytest.mark.parametrize(("make", "name"), PARTS)
def test_a_part_keeps_its_own_copy_of_what_it_was_given(make, name, kind):
    buffer = kind([1.0, 2.0])
    part = make(**{name: buffer})
    buffer[:] = kind([7.0, 8.0])
    assert list(getattr(part, name)) == [1.0, 2.0]


def test_a_buffer_reused_in_a_loop_gives_each_source_its_own_trial():
    net, buffer = es.Network(), np.zeros(2)
    for trial in range(3):
        buffer[:] = trial + 1.0, trial + 5.0
        net.add(f"trial {trial}", M.SpikeSource(buffer), 1)
    sim = es.Simulation(net)
    sim.run(20.0)
    for trial in range(3):
        assert sim.spikes(f"trial {trial}").times.tolist() == [trial + 1.0, trial + 5.0]


def three_cells(threads=1, kernel="auto", once=True):
    net = es.Network()
    net.add("in", M.SpikeSource(), 3)
    net.add("out", M.LIF(first_spike_only=once), 3)
    net.connect("in", "out", weight=np.diag([4.0, 4.0, 4.0]), delay=np.array([[0.3], [0.2], [0.1]]))
    return SpikeGradient(net, threads=threads, kernel=kernel)


@pytest.mark.parametrize("kernel", ["first-spike", "eventprop"])
@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_errors_in_one_array_or_nested_list_are_by_unit(kernel, kind):
    grad = three_cells(kernel=kernel)
    run = grad.forward({"in": [[0.0, 0.0, 0.0]]}, 9.0)
    assert run.spikes("out", 0).units.tolist() == [2, 1, 0]  # as many spikes as units, in another order
    errors = kind([[1.0, 10.0, 100.0]])
    assert grad.backward(run, {"out": errors}).times["in"][0] == pytest.approx([1.0, 10.0, 100.0])


@pytest.mark.parametrize("kernel", ["first-spike", "eventprop"])
def test_errors_in_an_array_for_each_sample_are_in_order_of_time(kernel):
    grad = three_cells(kernel=kernel)
    run = grad.forward({"in": [[0.0, 0.0, 0.0]]}, 9.0)
    found = grad.backward(run, {"out": [np.array([1.0, 10.0, 100.0])]}).times["in"][0]
    assert found == pytest.approx([100.0, 10.0, 1.0])


@pytest.mark.parametrize(
    ("errors", "message"),
    [
        ([[1.0, 2.0, 3.0], np.ones(3)], "must be one array .* or a list of an array for each sample"),
        ([[1.0], [1.0, 2.0]], "rows of unequal length"),
        ([[1.0, 2.0, 3.0]], r"have shape \(1, 3\), expected \(2, 3\)"),
        ([np.ones(3)], "hold 1 samples, the run holds 2"),
        ([np.ones(3), np.ones(2)], "in sample 1 are 2, it has 3 spikes"),
        ([[1.0, np.nan, 3.0], [1.0, 2.0, 3.0]], "must be finite, got nan"),
    ],
)
def test_errors_of_another_form_are_refused(errors, message):
    grad = three_cells()
    run = grad.forward({"in": np.zeros((2, 3))}, 9.0)
    with pytest.raises(ValueError, match=message):
        grad.backward(run, {"out": errors})


def test_noise_may_be_drawn_into_the_same_buffer_again():
    found = []
    for spoil in (False, True):
        grad, late = three_cells(), np.array([0.01, 0.02, 0.03])
        run = grad.forward({"in": [[0.0, 0.1, 0.2]]}, 9.0, noise=Noise(thresholds={"out": late}))
        if spoil:
            late[:] = 0.5
        found.append(grad.backward(run, {"out": [[1.0, 1.0, 1.0]]}).weight["in->out"])
    assert (found[0] == found[1]).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_layers_look_for_signals_between_slices_of_a_batch(monkeypatch, threads):
    monkeypatch.setattr(first_spike, "SLICE", 4)
    kernel, seen = three_cells(threads)._kernels[0], []
    kernel._share(41, lambda thread, low, high: seen.append((low, high)))
    assert all(0 < high - low <= 4 for low, high in seen)
    assert sorted(k for low, high in seen for k in range(low, high)) == list(range(41))


def test_no_thread_begins_a_slice_after_an_interruption(monkeypatch):
    monkeypatch.setattr(first_spike, "SLICE", 1)
    kernel, seen = three_cells()._kernels[0], []

    def interrupted(thread, low, high):
        seen.append(low)
        if low == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kernel._share(100, interrupted)
    assert seen == [0, 1, 2]


def in_child(grad, inputs, queue):
    run = grad.forward(inputs, 9.0)
    queue.put(grad.backward(run, {"out": np.ones((len(run), 3))}).weight["in->out"])


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.parametrize(("kernel", "once"), [("first-spike", True), ("eventprop", False)])
def test_threads_used_before_a_fork_are_made_anew_after_it(kernel, once):
    grad = three_cells(2, kernel, once)
    inputs = {"in": np.random.default_rng(1).uniform(0, 1, (600, 3))}
    run = grad.forward(inputs, 9.0)
    expected = grad.backward(run, {"out": np.ones((600, 3))}).weight["in->out"]
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=in_child, args=(grad, inputs, queue), daemon=True)
    child.start()
    try:
        assert (queue.get(timeout=120) == expected).all()
    finally:
        child.kill()
