"""A server under load: bounded work, turns in order, answers in time, nothing for clients that have left."""

import threading
import time

import numpy as np
import pytest
from proxy import body_of, frame_of, header_of
from small import network
from test_serve import HELLO, Visitor, network_frame, run_frame

import eventsim as es
from eventsim.hardware import RemoteTarget, SimulatedTarget
from eventsim.hardware.remote._frames import Frame, encoded
from eventsim.hardware.remote._messages import put_network
from eventsim.hardware.remote._turns import Turns
from eventsim.hardware.remote.serve import Limits, TargetServer
from eventsim.hardware.targets.work import work

LONG = 60.0  # seconds after which a test gives up; nothing below waits that long


def configure_frame(net, number=2):
    frame = Frame({"type": "configure", "id": number})
    put_network(frame, net)
    return encoded(frame)


def one_neuron(**parameters):
    net = es.Network(seed=1, time_unit="1")
    net.add("input", es.models.SpikeSource(), 4)
    net.add("cell", es.models.LIF(**parameters), 1)
    net.connect("input", "cell", weight=1.0)
    return net


def many_samples(n, **changes):
    """A request for n samples of four inputs, each of which spikes once."""
    header = header_of(run_frame()) | {
        "n_samples": n,
        "inputs": {"input": {"n": 4, "first": {"array": 0}}},
        "arrays": [["<f8", [n, 4]]],
    }
    return frame_of(header | changes, np.full((n, 4), 0.5).tobytes())


def assert_serves(visitor):
    assert visitor.ask(configure_frame(one_neuron(first_spike_only=True), 7))["type"] == "configured"
    assert visitor.ask(many_samples(1, configuration=7))["type"] == "observed"


# ---------------------------------------------------------------------- work


def test_work_is_units_times_samples_times_time():
    net = one_neuron(tau_mem=2.0, tau_syn=0.5)
    assert work(net, 3, 10.0) == 5 * 3 * 10.0 / 0.5
    assert work(net, 3, 0.001) == 5 * 3
    assert work(net, 1, np.inf) == np.inf
    once = one_neuron(tau_mem=2.0, tau_syn=0.5, first_spike_only=True)
    assert work(once, 3, np.inf) == 5 * 3 * 100.0  # silent after their spikes


@pytest.mark.parametrize("until", [1e308, 1e10, "inf"])
def test_a_run_without_end_is_refused_by_name(until):
    with TargetServer(SimulatedTarget()) as server, Visitor(server) as visitor:
        visitor.ask(HELLO)
        assert visitor.ask(configure_frame(one_neuron(i_ext=2.0)))["type"] == "configured"
        told = visitor.ask(many_samples(1, until=until))
        assert told["code"] == "too-large"
        assert "units x samples x time of a request may be 1e+09, this one has" in told["message"]
        assert_serves(visitor)


def test_many_units_in_many_samples_are_refused_by_name():
    net = one_neuron(first_spike_only=True)
    net.add("more", es.models.LIF(first_spike_only=True), 999_995)
    with TargetServer(SimulatedTarget()) as server, Visitor(server) as visitor:
        visitor.ask(HELLO)
        assert visitor.ask(configure_frame(net))["type"] == "configured"
        told = visitor.ask(many_samples(1024, until=1.0))
        assert (told["code"], "units x samples x time" in told["message"]) == ("too-large", True)


@pytest.mark.parametrize("until", [10**400, True, None, [1.0], float("nan")])
def test_an_end_that_is_no_number_is_answered(until):
    with TargetServer(SimulatedTarget()) as server, Visitor(server) as visitor:
        visitor.ask(HELLO)
        visitor.ask(configure_frame(one_neuron()))
        assert visitor.ask(many_samples(1, until=until))["type"] == "error"


def test_a_client_splits_what_is_too_much_for_one_request():
    limits = Limits(work=60.0)
    net = one_neuron(first_spike_only=True)
    inputs = {"input": np.random.default_rng(1).uniform(0.0, 1.0, (20, 4))}
    with (
        TargetServer(SimulatedTarget(), limits=limits) as server,
        RemoteTarget(server.address, timeout=LONG, retries=0) as chip,
    ):
        chip.configure(net)
        found = chip.run(inputs, until=5.0, trial=0).first_spikes("cell")
        with pytest.raises(ValueError, match=r"may be 60 on this server, one sample until 50\.0 has 250"):
            chip.run(inputs, until=50.0, trial=0)
    target = SimulatedTarget()
    target.configure(net)
    np.testing.assert_array_equal(found, target.run(inputs, until=5.0, trial=0).first_spikes("cell"))


@pytest.mark.parametrize(
    "arrays", [[[[], [1]]], [[{}, [1]]], [[None, [1]]], [[["<f8"], [1]]], [[]], [["<f8"]], [3], {}, 3]
)
def test_odd_arrays_are_answered(arrays):
    with TargetServer(SimulatedTarget()) as server, Visitor(server) as visitor:
        told = visitor.ask(frame_of(HELLO | {"arrays": arrays}))
        assert (told["type"], told["code"]) == ("error", "malformed")


@pytest.mark.parametrize("shape", [[0], [0, 0], [1, 0], [0, 4], []])
def test_empty_arrays_are_answered(shape):
    with TargetServer(SimulatedTarget()) as server, Visitor(server) as visitor:
        visitor.ask(HELLO)
        visitor.ask(configure_frame(one_neuron()))
        content = np.zeros(int(np.prod(shape))).tobytes()
        for inputs in (
            {"input": {"n": 4, "first": {"array": 0}}},
            {"input": {"n": 4, "times": {"array": 0}, "units": {"array": 0}, "starts": {"array": 0}}},
            {},
        ):
            header = header_of(run_frame()) | {"inputs": inputs, "arrays": [["<f8", shape]]}
            assert visitor.ask(frame_of(header, content))["type"] == "error"
        assert_serves(visitor)


# ---------------------------------------------------------------------- time


class Slow(SimulatedTarget):
    """Takes a while for each sample."""

    seconds = 0.05

    def __init__(self):
        super().__init__()
        self.done = 0

    def run(self, inputs, **how):
        n = len(next(iter(inputs.values())))
        for _ in range(n):
            time.sleep(self.seconds)
            if self.on_progress is not None:
                self.on_progress(0)
            self.done += 1
        return super().run(inputs, **how)


def test_a_long_run_is_answered_in_part():
    with TargetServer(Slow(), limits=Limits(answer=0.5)) as server, Visitor(server) as visitor:
        visitor.ask(HELLO)
        visitor.ask(configure_frame(one_neuron(first_spike_only=True)))
        told = visitor.ask(many_samples(1000))
        assert told["type"] == "observed"
        assert 1 <= told["n_samples"] < 1000


@pytest.mark.parametrize(
    "parameters",
    [
        {"i_ext": 1e12},  # spikes without end in no time
        {"i_ext": 1e5, "t_ref": 0.0},
        {"i_ext": 50.0, "tau_mem": 1e-3, "tau_syn": 1e-3, "c_mem": 1e-3},
    ],
)
def test_a_sample_that_takes_too_long_is_refused_and_others_are_served(parameters):
    limits = Limits(answer=1.0, work=1e12)
    with (
        TargetServer(SimulatedTarget(), limits=limits) as server,
        Visitor(server) as greedy,
        Visitor(server) as other,
    ):
        greedy.socket.settimeout(LONG)
        other.socket.settimeout(LONG)
        greedy.ask(HELLO)
        other.ask(HELLO)
        greedy.ask(configure_frame(one_neuron(**parameters)))
        greedy.say(many_samples(1, until=1e6))
        assert_serves(other)
        told = greedy.hear()
        assert told["code"] == "invalid"
        assert "one sample takes longer than" in told["message"] or "an answer cannot" in told["message"]
        assert_serves(greedy)


def test_slices_change_no_bit():
    net = network()
    inputs = {"input": [(np.array([0.5, 0.6, 1.5]), np.array([0, 1, 0]))] * 2}
    found = []
    for on_progress in (None, lambda n: None):
        target = SimulatedTarget("jitter,sigma=0.05")
        target.on_progress = on_progress
        target.configure(net)
        found.append(target.run(inputs, until=20.0, trial=3))
    for name in ("hidden", "label"):
        assert len(found[0].spikes[name].times)
        assert found[0].spikes[name].times.tolist() == found[1].spikes[name].times.tolist()


# ---------------------------------------------------------------------- turns


def test_turns_come_in_the_order_in_which_they_were_asked_for():
    turns, order, asked = Turns(), [], []

    def take(k):
        asked.append(k)
        with turns.turn(lambda: None):
            order.append(k)

    with turns.turn(lambda: None):
        threads = []
        for k in range(5):
            thread = threading.Thread(target=take, args=(k,))
            thread.start()
            threads.append(thread)
            end = time.monotonic() + LONG
            while len(turns._waiting) <= k and time.monotonic() < end:
                time.sleep(0.001)
    for thread in threads:
        thread.join(LONG)
    assert order == asked == [0, 1, 2, 3, 4]


def test_who_leaves_the_line_does_not_hold_it_up():
    turns, order = Turns(), []

    def impatient():
        raise ConnectionError

    def leave():
        with pytest.raises(ConnectionError), turns.turn(impatient):
            order.append("never")

    with turns.turn(lambda: None):
        thread = threading.Thread(target=leave)
        thread.start()
        thread.join(LONG)
    with turns.turn(lambda: None):
        order.append("next")
    assert order == ["next"]


def test_a_small_request_need_not_wait_for_the_end_of_a_large_one():
    slow = Slow()
    with TargetServer(slow) as server, Visitor(server) as large, Visitor(server) as small:
        for visitor in (large, small):
            visitor.ask(HELLO)
            visitor.ask(configure_frame(one_neuron(first_spike_only=True)))
        large.say(many_samples(200))
        while slow.done < 3:
            time.sleep(0.01)
        assert small.ask(many_samples(1))["type"] == "observed"
        assert slow.done < 100  # of 201


# ---------------------------------------------------------------------- clients that leave


@pytest.mark.parametrize("pipelined", [False, True])
def test_the_run_of_a_client_that_has_left_is_ended(pipelined):
    slow = Slow()
    with TargetServer(slow) as server:
        with Visitor(server) as visitor:
            visitor.ask(HELLO)
            visitor.ask(configure_frame(one_neuron(first_spike_only=True)))
            visitor.say(many_samples(1000))
            if pipelined:
                visitor.say(many_samples(1000, id=4))
            while slow.done < 2:
                time.sleep(0.01)
        end = time.monotonic() + LONG
        while server._listener.open and time.monotonic() < end:
            time.sleep(0.01)
        assert not server._listener.open
        assert slow.done < 500  # of 1000 or 2000
        with Visitor(server) as visitor:
            visitor.ask(HELLO)
            assert_serves(visitor)


def test_a_single_long_sample_ends_with_its_client():
    with (
        TargetServer(SimulatedTarget(), limits=Limits(answer=LONG, work=1e12)) as server,
        Visitor(server) as visitor,
        Visitor(server) as other,
    ):
        visitor.ask(HELLO)
        other.ask(HELLO)
        visitor.ask(configure_frame(one_neuron(i_ext=1e4)))
        visitor.say(many_samples(1, until=1e6))
        visitor.socket.close()
        other.socket.settimeout(0.5 * LONG)  # the sample alone would take longer
        assert_serves(other)


def test_the_answer_says_what_it_holds():
    with TargetServer(SimulatedTarget()) as server, Visitor(server) as visitor:
        told = visitor.ask(HELLO | {"versions": [2]})
        assert (told["version"], told["most_work"]) == (2, 1e9)
        assert visitor.ask(network_frame())["type"] == "configured"
        assert body_of(frame_of({})) == b""
