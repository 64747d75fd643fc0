"""A server that gets everything but what it should: it says so, and goes on."""

import ast
import json
import pickle
import socket
import threading
from pathlib import Path

import numpy as np
import pytest
from proxy import body_of, frame_of, header_of, prefix_of, receive_frame
from small import UNTIL, Chip, batches, network

import eventsim as es
from eventsim.hardware import RemoteTarget, SimulatedTarget
from eventsim.hardware.remote import serve
from eventsim.hardware.remote._frames import Frame, encoded
from eventsim.hardware.remote._messages import put_network
from eventsim.hardware.remote.serve import Limits, TargetServer

HELLO = {"type": "hello", "id": 1, "versions": [1]}


@pytest.fixture(scope="module")
def server():
    with TargetServer(Chip(), name="chip", limits=Limits(body=1 << 20, samples=100)) as running:
        yield running


class Visitor:
    """A connection without manners."""

    def __init__(self, server):
        self.socket = socket.create_connection(server.address, 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def say(self, content):
        self.socket.sendall(frame_of(content) if isinstance(content, dict) else content)

    def hear(self):
        """Return header of the next answer, None if the server closed."""
        frame = receive_frame(self.socket)
        return header_of(frame) if frame else None

    def ask(self, content):
        self.say(content)
        return self.hear()


def network_frame(number=2):
    frame = Frame({"type": "configure", "id": number})
    put_network(frame, network())
    return encoded(frame)


def run_frame(**changes):
    """A request for one sample, by the documentation alone."""
    times = np.array([0.2, 0.5, 0.9, 1.1])
    units, starts = np.arange(4), np.array([0, 4])
    arrays = [["<f8", [4]], ["<i8", [4]], ["<i8", [2]]]
    inputs = {"input": {"n": 4, "times": {"array": 0}, "units": {"array": 1}, "starts": {"array": 2}}}
    header = {
        "type": "run",
        "id": 3,
        "configuration": 2,
        "until": UNTIL,
        "trial": 0,
        "first": 0,
        "n_samples": 1,
        "inputs": inputs,
        "arrays": arrays,
    }
    return frame_of(header | changes, times.tobytes() + units.tobytes() + starts.tobytes())


def assert_still_serves(server):
    with RemoteTarget(server.address, timeout=20.0, retries=0) as chip:
        chip.configure(network())
        assert len(chip.run(next(batches(1))[0], until=UNTIL, trial=0)) == 20


def test_a_conversation_by_the_documentation_alone(server):
    with Visitor(server) as visitor:
        assert visitor.ask(HELLO) == {
            "type": "hello",
            "id": 1,
            "version": 1,
            "target": "chip",
            "most_body": 1 << 20,
            "most_samples": 100,
            "arrays": [],
        }
        told = visitor.ask(network_frame())
        assert told == {"type": "configured", "id": 2, "counters": {"clipped": 1}, "arrays": []}
        visitor.say(run_frame())
        frame = receive_frame(visitor.socket)
    told, body = header_of(frame), body_of(frame)
    assert (told["type"], told["id"], told["n_samples"], told["configuration"]) == ("observed", 3, 1, 2)
    home = Chip()
    home.configure(network())
    expected = home.run({"input": [[0.2, 0.5, 0.9, 1.1]]}, until=UNTIL, trial=0)
    found, at = [], 0
    for dtype, shape in told["arrays"]:
        found.append(np.frombuffer(body, dtype, int(np.prod(shape)), at).reshape(shape))
        at += 8 * found[-1].size
    for part in ("times", "units", "starts"):
        array = found[told["spikes"]["label"][part]["array"]]
        np.testing.assert_array_equal(array, getattr(expected.spikes["label"], part))
    first = found[told["spikes"]["hidden"]["first"]["array"]]
    np.testing.assert_array_equal(first, expected.first_spikes("hidden"))
    arrivals = found[told["arrivals"]["hidden->label"]["array"]]
    np.testing.assert_array_equal(arrivals, expected.arrivals["hidden->label"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "malformed"),
        (np.random.default_rng(2).bytes(5000), "malformed"),
        (pickle.dumps({"type": "hello"}).ljust(24, b"."), "malformed"),
        (frame_of(HELLO)[:-1] + b"?", "malformed"),
        (frame_of(b"{}"), "malformed"),
        (frame_of(b"[" * 100_000), "malformed"),
        (frame_of(HELLO)[:4] + b"\xff" + frame_of(HELLO)[5:], "malformed"),
        (prefix_of(100, (1 << 20) + 1), "too-large"),
        (prefix_of(100, (1 << 64) - 1), "too-large"),
        (prefix_of((1 << 20) + 1, 0), "too-large"),
        (prefix_of(100, (1 << 20) + 1) + bytes(3 << 20), "too-large"),
    ],
    ids=range(11),
)
def test_what_is_no_frame_is_answered_with_an_error_and_the_server_goes_on(server, content, code):
    with Visitor(server) as other, Visitor(server) as visitor:
        assert other.ask(HELLO)["type"] == "hello"
        told = visitor.ask(content)
        assert (told["type"], told["code"], told["id"]) == ("error", code, None)
        assert "\n" not in told["message"]
        assert visitor.hear() is None  # where the next frame would begin is not known
        assert other.ask(network_frame())["type"] == "configured"
    assert_still_serves(server)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ({"type": "hello", "id": 1}, "malformed", "versions must be a list of numbers, got None"),
        (
            {"type": "hello", "id": 1, "versions": [7, 9]},
            "version",
            "versions 2 and 1, asked for [7, 9]",
        ),
        (
            {"type": "dance", "id": 1},
            "malformed",
            "no request is called 'dance'; known: hello, configure, run",
        ),
        ({"type": "run", "id": -1}, "malformed", "id must be a whole number"),
        ({"type": "run"}, "malformed", "id must be a whole number"),
    ],
)
def test_what_is_no_request_is_answered_with_an_error(server, content, code, message):
    with Visitor(server) as visitor:
        told = visitor.ask(content)
        assert (told["type"], told["code"]) == ("error", code)
        assert message in told["message"]
        assert visitor.ask(HELLO)["type"] == "hello"  # on the same connection


def test_the_first_request_is_hello(server):
    with Visitor(server) as visitor:
        told = visitor.ask(network_frame())
        assert (told["code"], told["id"]) == ("malformed", 2)
        assert told["message"] == "the first request must be 'hello', got 'configure'"


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"configuration": 1}, "malformed", "configuration 1 is not the one that is loaded"),
        ({"configuration": None}, "malformed", "configuration must be a whole number"),
        ({"until": "soon"}, "malformed", "until must be a number or 'inf', got 'soon'"),
        ({"until": -1.0}, "invalid", "until must be a time after 0"),
        ({"trial": -1}, "malformed", "trial must be a whole number"),
        ({"trial": 1 << 63}, "malformed", "trial must be a whole number"),
        ({"first": 0.5}, "malformed", "first must be a whole number"),
        ({"n_samples": 0}, "malformed", "n_samples must be a whole number"),
        ({"n_samples": 2}, "malformed", "do not fit 2 samples"),
        ({"n_samples": 101}, "too-large", "a request may have 100 samples, this one has 101"),
        ({"inputs": []}, "malformed", "inputs must be an object"),
        ({"inputs": {}}, "invalid", "input spikes of 'input' are missing"),
    ],
)
def test_a_request_that_cannot_be_met_is_answered_with_an_error(server, changes, code, message):
    with Visitor(server) as visitor:
        visitor.ask(HELLO)
        visitor.ask(network_frame())
        told = visitor.ask(run_frame(**changes))
        assert (told["type"], told["code"], told["id"]) == ("error", code, 3)
        assert message in told["message"]
        assert visitor.ask(run_frame())["type"] == "observed"


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (lambda net: net.clear(), "malformed", "seed must be a whole number"),
        (lambda net: net["populations"][1].update(n=10**9), "too-large", "may have 1000000 units"),
        (lambda net: net["populations"][1].update(model="eval"), "malformed", "no model is called 'eval'"),
        (
            lambda net: net["populations"][1]["parameters"].update(paper=1),
            "malformed",
            "has no parameter 'paper'",
        ),
        (lambda net: net["populations"][1]["parameters"].update(tau_mem=-1), "invalid", "must be positive"),
        (
            lambda net: net["populations"].append(net["populations"][0]),
            "invalid",
            "a population 'input' already",
        ),
        (lambda net: net["projections"][0].update(post="nobody"), "invalid", "no population named 'nobody'"),
        (lambda net: net["projections"][0].update(post="input"), "refused", "leads into a source"),
        (lambda net: net["projections"][0].update(weight={"array": 3}), "invalid", "expected (4, 12)"),
        (lambda net: net["projections"][0].update(pairs=[1]), "malformed", "pairs must be two arrays"),
    ],
)
def test_a_network_that_cannot_be_declared_is_answered_with_an_error(server, change, code, message):
    frame = network_frame()
    header = header_of(frame)
    change(header["network"])
    with Visitor(server) as visitor:
        visitor.ask(HELLO)
        told = visitor.ask(frame_of(header, body_of(frame)))
        assert (told["type"], told["code"], told["id"]) == ("error", code, 2)
        assert message in told["message"]
        assert visitor.ask(run_frame())["code"] == "malformed"  # no network is loaded
        assert visitor.ask(network_frame())["type"] == "configured"


class Sign:
    """Says so when it is unpickled."""

    def __reduce__(self):
        return (pytest.fail, ("it was unpickled",))


def test_nothing_is_ever_unpickled(server):
    load = pickle.dumps(Sign())
    with Visitor(server) as visitor:
        assert visitor.ask(load.ljust(24, b"."))["code"] == "malformed"
    with Visitor(server) as visitor:
        assert visitor.ask(frame_of(load))["code"] == "malformed"
    for path in Path(serve.__file__).parent.glob("*.py"):
        names = {
            alias.name
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Import)
            for alias in node.names
        }
        assert names.isdisjoint({"pickle", "marshal", "shelve"})


def test_it_listens_on_this_machine_alone_unless_told_otherwise(server):
    assert server.address[0] == "127.0.0.1"
    assert serve.TargetServer.__init__.__kwdefaults__["host"] == "127.0.0.1"


# ---------------------------------------------------------------------- limits


def test_more_connections_than_allowed_are_told_to_come_back():
    with TargetServer(SimulatedTarget(), limits=Limits(connections=1)) as narrow:
        with Visitor(narrow) as first:
            assert first.ask(HELLO)["type"] == "hello"
            with Visitor(narrow) as second:
                told = second.hear()
                assert (told["code"], told["message"]) == ("busy", "1 connections are open already")
                assert second.hear() is None
            assert first.ask(network_frame())["type"] == "configured"
            first.socket.shutdown(socket.SHUT_WR)
            assert first.hear() is None
        with RemoteTarget(narrow.address, timeout=20.0) as chip:  # as soon as the place is free
            chip.configure(network())


def test_who_begins_a_frame_and_does_not_end_it_is_dropped():
    with TargetServer(SimulatedTarget(), limits=Limits(frame=0.2)) as strict:
        for start in (b"E", frame_of(HELLO)[:-1]):
            with Visitor(strict) as visitor:
                visitor.say(start)
                assert visitor.hear() is None


def test_who_says_nothing_is_dropped_in_the_end():
    with TargetServer(SimulatedTarget(), limits=Limits(idle=0.1)) as strict, Visitor(strict) as visitor:
        assert visitor.hear() is None


def test_who_does_not_listen_is_dropped():
    class Loud(SimulatedTarget):
        def run(self, inputs, **how):
            seen = super().run(inputs, **how)
            return es.hardware.Observed(seen.spikes, {"hidden->label": np.zeros((1, 1000, 1000))})

    def talk():
        while True:
            visitor.say(run_frame())

    with TargetServer(Loud(), limits=Limits(frame=0.2)) as strict, Visitor(strict) as visitor:
        visitor.ask(HELLO)
        visitor.ask(network_frame())
        with pytest.raises(OSError):  # its answers pile up until the server has enough
            talk()


def test_announced_sizes_take_no_memory_before_anything_comes(server):
    with Visitor(server) as visitor:
        visitor.say(prefix_of(1 << 20, 1 << 20))
        visitor.socket.shutdown(socket.SHUT_WR)
        assert visitor.hear() is None
    assert_still_serves(server)


# ---------------------------------------------------------------------- several at once


def test_two_who_take_turns_get_each_his_own_network():
    other = network(seed=8)
    inputs, _ = next(batches(1))
    with (
        TargetServer(Chip()) as shared,
        RemoteTarget(shared.address) as one,
        RemoteTarget(shared.address) as two,
    ):
        one.configure(network())
        two.configure(other)
        for trial in range(3):
            for chip, net in ((one, network()), (two, other)):
                home = Chip()
                home.configure(net)
                expected = home.run(inputs, until=UNTIL, trial=trial).first_spikes("label")
                found = chip.run(inputs, until=UNTIL, trial=trial).first_spikes("label")
                np.testing.assert_array_equal(found, expected)


def test_only_one_at_a_time_uses_the_target():
    inside, most = [], []

    class Counting(Chip):
        def run(self, inputs, **how):
            inside.append(1)
            most.append(len(inside))
            try:
                return super().run(inputs, **how)
            finally:
                inside.pop()

    def use(seed):
        with RemoteTarget(shared.address, chunk=4) as chip:
            chip.configure(network(seed))
            for trial in range(5):
                chip.run(next(batches(1))[0], until=UNTIL, trial=trial)

    with TargetServer(Counting()) as shared:
        users = [threading.Thread(target=use, args=(seed,)) for seed in range(4)]
        for user in users:
            user.start()
        for user in users:
            user.join(60)
    assert len(most) >= 100
    assert max(most) == 1


def test_a_target_that_fails_does_not_end_the_server():
    class Moody(SimulatedTarget):
        calls = 0

        def run(self, inputs, **how):
            self.calls += 1
            if self.calls % 2:
                raise MemoryError
            return super().run(inputs, **how)

    with TargetServer(Moody()) as server, Visitor(server) as visitor:
        visitor.ask(HELLO)
        visitor.ask(network_frame())
        told = visitor.ask(run_frame())
        assert (told["code"], told["message"]) == ("failed", "MemoryError:")
        assert visitor.ask(run_frame())["type"] == "observed"


def test_an_answer_that_cannot_be_written_is_an_error():
    class Odd(SimulatedTarget):
        def run(self, inputs, **how):
            seen = super().run(inputs, **how)
            return es.hardware.Observed(seen.spikes, hardware_seconds=float("nan"))

    with TargetServer(Odd()) as server, Visitor(server) as visitor:
        visitor.ask(HELLO)
        visitor.ask(network_frame())
        told = visitor.ask(run_frame())
        assert (told["code"], told["id"]) == ("failed", 3)


def test_settings_of_a_target_are_numbers_or_words():
    assert serve._setting("seed=3") == ("seed", 3)
    assert serve._setting("kind=fast") == ("kind", "fast")
    assert serve._setting('x=[1, "a"]') == ("x", [1, "a"])
    assert json.loads("3") == 3
