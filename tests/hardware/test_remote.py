"""A target behind a connection that fails in every way: training ends with the same weights to the bit."""

import gc
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from proxy import Proxy, body_of, changed, frame_of, header_of, prefix_of, receive_frame
from small import UNTIL, Chip, batches, learner, network, trained

import eventsim as es
from eventsim.hardware import InTheLoop, RemoteTarget, SimulatedTarget
from eventsim.hardware.remote.serve import Limits, TargetServer

CHUNK = 8  # so a batch of 20 is three requests, under way together


@pytest.fixture(scope="module")
def undisturbed():
    return trained(Chip())


@pytest.fixture(scope="module")
def server():
    with TargetServer(Chip(), name="chip") as running:
        yield running


def remote(address, **options):
    return RemoteTarget(address, **{"timeout": 20.0, "retries": 6, "chunk": CHUNK} | options)


def assert_same(one, other):
    """The runs are equal to the bit, spikes, counters, weights and all."""
    (loop, losses), (expected, expected_losses) = one, other
    assert losses == expected_losses
    for name, value in expected.learner.parameters.items():
        np.testing.assert_array_equal(loop.learner.parameters[name], value)
    assert loop.trial == expected.trial
    assert loop.counters == expected.counters
    assert loop.hardware_seconds == expected.hardware_seconds


def test_a_remote_target_gives_what_it_gives_at_home(server, undisturbed):
    with remote(server.address) as chip:
        assert_same(trained(chip), undisturbed)
        assert chip.failures == 0


@pytest.mark.parametrize("chunk", [1, 7, 20, 512])
def test_the_size_of_chunks_changes_nothing(server, chunk):
    inputs, _ = next(batches(1))
    home = Chip()
    home.configure(network())
    expected = home.run(inputs, until=UNTIL, trial=4, first=2)
    with remote(server.address, chunk=chunk) as chip:
        assert chip.configure(network()) == {"clipped": 1}
        found = chip.run(inputs, until=UNTIL, trial=4, first=2)
    for name, trains in expected.spikes.items():
        for part in ("times", "units", "starts"):
            np.testing.assert_array_equal(getattr(found.spikes[name], part), getattr(trains, part))
    np.testing.assert_array_equal(found.arrivals["hidden->label"], expected.arrivals["hidden->label"])


# ---------------------------------------------------------------------- what goes wrong on the way

# Answers come in this order: 0 hello, then of each step "configured" and three times "observed".


def at(k, what):
    """Let `what(frame, way)` befall the k-th answer only."""
    return lambda number, frame, way: what(frame, way) if number == k else [frame]


def truncated(frame, way):
    way.host.sendall(frame[: len(frame) // 2])
    way.cut()
    return []


def truncated_prefix(frame, way):
    way.host.sendall(frame[:11])
    way.cut()
    return []


def closed(frame, way):
    way.cut()
    return []


def garbage(frame, way):
    return [np.random.default_rng(1).bytes(len(frame))]


def flipped(frame, way):
    middle = 24 + (len(frame) - 24) // 2
    return [frame[:middle] + bytes([frame[middle] ^ 16]) + frame[middle + 1 :]]


def wrong_sizes(frame, way):
    return [frame[:5] + bytes([frame[5] ^ 1]) + frame[6:]]


def oversized(frame, way):
    return [prefix_of(len(frame) - 24, 1 << 50) + frame[24:]]


def oversized_header(frame, way):
    return [prefix_of((1 << 32) - 1, 0) + frame[24:]]


def no_json(frame, way):
    return [frame_of(b"\x80\x04K*.")]  # a pickle, for once with the right checksum


def no_object(frame, way):
    return [frame_of(b"[1, 2]")]


def other_samples(frame, way):
    return [changed(frame, first=header_of(frame)["first"] + 1)]


def too_many_samples(frame, way):
    return [changed(frame, n_samples=header_of(frame)["n_samples"] + 1)]


def other_network(frame, way):
    return [changed(frame, configuration=12345)]


def other_units(frame, way):
    spikes = header_of(frame)["spikes"]
    spikes["label"]["n"] += 1
    return [changed(frame, spikes=spikes)]


def wrong_units(frame, way):
    """Units beyond the population, with right checksums."""
    header, body = header_of(frame), body_of(frame)
    units = header["spikes"]["label"]["units"]["array"]
    at = 8 * sum(int(np.prod(shape)) for _, shape in header["arrays"][:units])
    return [frame_of(header, body[:at] + struct.pack("<q", 3) + body[at + 8 :])]


def nan_times(frame, way):
    header, body = header_of(frame), body_of(frame)
    assert header["spikes"]["hidden"]["first"] == {"array": 0}
    return [frame_of(header, struct.pack("<d", float("nan")) + body[8:])]


def missing_population(frame, way):
    spikes = header_of(frame)["spikes"]
    del spikes["hidden"]
    return [changed(frame, spikes=spikes)]


def other_kind(frame, way):
    return [changed(frame, type="configured")]


def failed(frame, way):
    told = {"type": "error", "id": header_of(frame)["id"], "code": "failed", "message": "out of tune"}
    return [frame_of(told)]


def odd_number(frame, way):
    return [changed(frame, id=[header_of(frame)["id"]])]


def no_text(frame, way):
    return [frame_of({"type": "error", "id": None, "code": 5})]


def busy(frame, way):
    return [frame_of({"type": "error", "id": None, "code": "busy", "message": "come back later"})]


FAULTS = [
    truncated,
    truncated_prefix,
    closed,
    garbage,
    flipped,
    wrong_sizes,
    oversized,
    oversized_header,
    no_json,
    no_object,
    other_samples,
    too_many_samples,
    other_network,
    other_units,
    wrong_units,
    nan_times,
    missing_population,
    other_kind,
    failed,
    odd_number,
    no_text,
    busy,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_damaged_answer_costs_a_retry_and_nothing_else(server, undisturbed, fault):
    with Proxy(server.address, at(7, fault)) as proxy, remote(proxy.address) as chip:
        assert_same(trained(chip), undisturbed)
        assert chip.failures == 1


@pytest.mark.parametrize("k", [0, 1, 2, 4, 5])
@pytest.mark.parametrize("fault", [truncated, garbage, flipped], ids=lambda fault: fault.__name__)
def test_it_may_be_damaged_at_any_moment(server, undisturbed, fault, k):
    with Proxy(server.address, at(k, fault)) as proxy, remote(proxy.address) as chip:
        assert_same(trained(chip), undisturbed)
        assert chip.failures == 1


def test_answers_in_another_order_are_told_apart(server, undisturbed):
    held = []

    def reverse(k, frame, way):
        if header_of(frame)["type"] != "observed":
            return [frame]
        held.append(frame)
        if len(held) < 3:
            return []
        frames = held[::-1]
        held.clear()
        return frames

    with Proxy(server.address, reverse) as proxy, remote(proxy.address) as chip:
        assert_same(trained(chip), undisturbed)
        assert chip.failures == 0


def test_answers_that_come_twice_count_once(server, undisturbed):
    with (
        Proxy(server.address, lambda k, frame, way: [frame, frame]) as proxy,
        remote(proxy.address) as chip,
    ):
        assert_same(trained(chip), undisturbed)
        assert chip.failures == 0


def test_late_answers_of_a_step_before_are_not_taken_for_new_ones(server, undisturbed):
    kept = []

    def late(k, frame, way):
        kept.append(frame)
        return [*kept[-5:-1], frame]  # old answers again, in front of the new one

    with Proxy(server.address, late) as proxy, remote(proxy.address) as chip:
        assert_same(trained(chip), undisturbed)


@pytest.mark.parametrize("k", [0, 7])
@pytest.mark.parametrize("part", [0.0, 0.5])
def test_a_server_that_hangs_costs_the_timeout_and_a_retry(server, undisturbed, k, part):
    hung = []

    def hang(number, frame, way):
        """Say a part of what was to be said, or nothing, and leave the connection open."""
        if number != k:
            return [frame]
        hung.append(number)
        return [frame[: int(part * len(frame))]]

    with Proxy(server.address, hang) as proxy, remote(proxy.address, timeout=1.0) as chip:
        assert_same(trained(chip), undisturbed)
        assert hung == [k]
        assert chip.failures >= 1


def test_what_arrived_is_kept_and_only_the_rest_asked_for_again(server, undisturbed):
    asked = []

    class Watched(Chip):
        def run(self, inputs, *, until, trial, first=0):
            asked.append((trial, first))
            return super().run(inputs, until=until, trial=trial, first=first)

    with (
        TargetServer(Watched(), name="chip") as watched,
        Proxy(watched.address, at(3, closed)) as proxy,  # the second answer of the first batch
        remote(proxy.address) as chip,
    ):
        loop, _ = trained(chip, n=1)
    assert loop.counters["lost"] == 20
    first_batch = [first for trial, first in asked if trial == 0]
    assert first_batch.count(0) == 1  # it had arrived
    assert first_batch.count(8) == 2
    assert 16 in first_batch


def test_a_lost_connection_after_each_answer_is_survived_as_long_as_something_arrives(server, undisturbed):
    def cut(k, frame, way):
        if header_of(frame)["type"] != "observed":
            return [frame]
        way.host.sendall(frame)
        way.cut()
        return []

    with Proxy(server.address, cut) as proxy, remote(proxy.address, retries=1) as chip:
        assert_same(trained(chip, 2), trained(Chip(), 2))
        assert chip.failures >= 4


def test_another_version_is_refused_until_the_right_one_is_back(server, undisturbed):
    """The server is exchanged in the midst of the training, for a while by one of another version."""
    versions = []

    def exchanged(k, frame, way):
        told = header_of(frame)
        if k == 7:
            return closed(frame, way)
        if told["type"] == "hello" and k > 7 and len(versions) < 2:
            versions.append(told["version"])
            return [changed(frame, version=99)]
        return [frame]

    with Proxy(server.address, exchanged) as proxy, remote(proxy.address) as chip:
        assert_same(trained(chip), undisturbed)
        assert versions == [2, 2]
        assert chip.failures == 3


# ---------------------------------------------------------------------- servers in processes of their own


def started(*options):
    """Return a server in a process of its own, and its address."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "eventsim.hardware.remote.serve", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    found = re.fullmatch(r"ideal listens on (127\.0\.0\.1):(\d+), protocol 2\n", line)
    assert found, line or process.stderr.read()
    return process, (found[1], int(found[2]))


def finished(process):
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()


def test_a_server_that_is_killed_and_started_again_costs_retries_only():
    processes = [started("--hardware", "ideal")]

    def kill(k, frame, way):
        if k in (3, 13):
            finished(processes[-1][0])
            processes.append(started())
            proxy.server = processes[-1][1]
            way.cut()
            return []
        return [frame]

    try:
        with Proxy(processes[0][1], kill) as proxy, remote(proxy.address) as chip:
            found = trained(chip)
            assert chip.failures == 2
    finally:
        finished(processes[-1][0])
    assert len(processes) == 3
    assert_same(found, trained(SimulatedTarget()))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_stops_when_it_is_asked_to(number):
    process, address = started("--port", "0")
    try:
        with socket.create_connection(address, 10) as visitor:  # a connection does not keep it
            visitor.sendall(frame_of({"type": "hello", "id": 1, "versions": [1]}))
            assert header_of(receive_frame(visitor))["type"] == "hello"
            process.send_signal(number)
            assert process.wait(20) == 0
            assert visitor.recv(1) == b""
        assert process.stderr.read() == ""
        with pytest.raises(OSError):
            socket.create_connection(address, 10)
    finally:
        finished(process)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--hardware", "idael"], r"error: no hardware named 'idael'; did you mean 'ideal'\? known: "),
        (["--set", "seed"], "error: --set takes KEY=VALUE, got 'seed'"),
        (["--set", "seed=3"], "error: Ideal has no argument 'seed'; known: none"),
        (["--connections", "0"], "error: --connections, --most-megabytes and --idle must be positive"),
        (["--port", "99999999"], "error: .*port must be 0-65535"),
    ],
)
def test_a_server_that_cannot_start_says_why_in_one_line(options, message, capsys):
    from eventsim.hardware.remote.serve import main

    assert main(options) == 2
    told = capsys.readouterr().err
    assert re.match(message, told)
    assert told.count("\n") == 1


# ---------------------------------------------------------------------- when nothing helps


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        return nobody.getsockname()


def test_after_the_retries_one_error_says_what_happened_and_the_training_is_as_before(server):
    dead = []

    def die(k, frame, way):
        return closed(frame, way) if dead else [frame]

    with Proxy(server.address, die) as proxy, remote(proxy.address, retries=2) as chip:
        loop, adam = InTheLoop(learner(), chip, until=UNTIL), es.models.optimisers.Adam(0.02)
        given = list(batches())
        for inputs, labels in given[:3]:
            loop.step(inputs, labels, adam)
        before, rates = loop.state(), adam.state()
        dead.append(True)
        host, port = proxy.address
        wanted = (
            rf"the target at {host}:{port} is lost: 3 attempts in \d+\.\d s, the last one failed with: \w+"
        )
        with pytest.raises(es.errors.TargetLost, match=wanted):
            loop.step(*given[3], adam)
        np.testing.assert_equal(loop.state(), before)
        np.testing.assert_equal(adam.state(), rates)
        dead.clear()
        for inputs, labels in given[3:]:  # it is back
            loop.step(inputs, labels, adam)
    expected, _ = trained(Chip())
    for name, value in expected.learner.parameters.items():
        np.testing.assert_array_equal(loop.learner.parameters[name], value)


def test_nobody_there_is_told_after_the_retries():
    host, port = free_port()
    chip = remote(f"{host}:{port}", retries=1)
    with pytest.raises(es.errors.TargetLost, match=rf"{host}:{port} is lost: 2 attempts in .*refused"):
        chip.configure(network())
    assert chip.failures == 2
    with pytest.raises(es.ConfigError, match="no network yet"):
        chip.run({}, until=1.0, trial=0)


def test_a_version_that_never_fits_is_named(server):
    def other(k, frame, way):
        return [changed(frame, version=3)]

    with (
        Proxy(server.address, other) as proxy,
        remote(proxy.address, retries=0) as chip,
        pytest.raises(es.errors.TargetLost, match="it speaks version 3, this speaks 2 and 1"),
    ):
        chip.configure(network())


def test_another_target_at_the_same_address_is_not_taken_for_the_first(server):
    def swapped(k, frame, way):
        if k == 7:
            return closed(frame, way)
        return [changed(frame, target="another") if k > 7 and header_of(frame)["type"] == "hello" else frame]

    with (
        Proxy(server.address, swapped) as proxy,
        remote(proxy.address) as chip,
        pytest.raises(es.errors.TargetLost, match=r"another target answers at .*'another', it was 'chip'"),
    ):
        trained(chip)


def test_a_server_that_is_silent_from_the_start_is_lost_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        chip = remote(silent.getsockname(), timeout=0.2, retries=1)
        start = time.monotonic()
        with pytest.raises(es.errors.TargetLost, match=r"2 attempts in .* no answer in time"):
            chip.configure(network())
        assert time.monotonic() - start >= 0.4


def test_what_the_target_refuses_is_an_error_at_once():
    class Small(SimulatedTarget):
        def configure(self, network):
            n = sum(p.n for p in network.populations.values() if not p.model.is_source)
            if n > 10:
                raise es.ConfigError(f"the chip has 10 neurons, the network {n}")
            return super().configure(network)

    with TargetServer(Small()) as small, remote(small.address) as chip:
        with pytest.raises(es.ConfigError, match="the chip has 10 neurons, the network 15"):
            chip.configure(network())
        with pytest.raises(es.ConfigError, match="no network yet"):
            chip.run({}, until=1.0, trial=0)
        assert chip.failures == 0


def test_a_target_that_fails_is_asked_again_and_told_of_in_the_end():
    class Broken(SimulatedTarget):
        def run(self, inputs, **how):
            raise RuntimeError("the supply voltage\nis low")

    with TargetServer(Broken()) as broken, remote(broken.address, retries=1) as chip:
        chip.configure(network())
        with pytest.raises(es.errors.TargetLost, match=r"failed: RuntimeError: the supply voltage is low$"):
            chip.run(next(batches(1))[0], until=UNTIL, trial=0)
        assert chip.failures == 2


# ---------------------------------------------------------------------- limits and partial answers


def test_a_batch_is_cut_to_what_the_server_takes(undisturbed):
    limits = Limits(samples=3, body=6000)
    with TargetServer(Chip(), name="chip", limits=limits) as narrow, remote(narrow.address) as chip:
        assert_same(trained(chip), undisturbed)
        assert chip.failures == 0


def test_too_much_for_the_server_is_told_without_asking_it():
    with (
        TargetServer(Chip(), limits=Limits(body=100)) as narrow,
        remote(narrow.address) as chip,
        pytest.raises(es.ConfigError, match="too large to be sent: a request may have 100 bytes, this"),
    ):
        chip.configure(network())
    small = es.Network()
    small.add("input", es.models.SpikeSource(), 1)
    small.add("cell", es.models.LIF(), 1)
    small.connect("input", "cell", weight=3.0)
    with TargetServer(SimulatedTarget(), limits=Limits(body=1500)) as narrow, remote(narrow.address) as chip:
        chip.configure(small)
        with pytest.raises(ValueError, match="the spikes of one sample are too large to be sent"):
            chip.run({"input": [(np.linspace(0, 1, 500), np.zeros(500, int))]}, until=2.0, trial=0)


def test_a_part_of_an_answer_is_taken_and_the_rest_asked_for(undisturbed, monkeypatch):
    monkeypatch.setattr("eventsim.hardware.remote._session.BLOCK", 3)
    with (
        TargetServer(Chip(), name="chip", limits=Limits(answer=0.0)) as slow,
        remote(slow.address, chunk=20) as chip,
    ):
        assert_same(trained(chip), undisturbed)
        assert chip.failures == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"address": "localhost"}, "address must be 'host:port', got 'localhost'"),
        ({"address": "localhost:http"}, "address must be 'host:port'"),
        ({"address": ("localhost", 0)}, "address must be 'host:port'"),
        ({"timeout": 0}, "timeout must be positive, got 0"),
        ({"timeout": float("nan")}, "timeout"),
        ({"retries": -1}, "retries must be a whole number, at least 0, got -1"),
        ({"chunk": 0}, "chunk must be a whole number, at least 1, got 0"),
    ],
)
def test_bad_settings_are_refused(options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        RemoteTarget(**{"address": "localhost:1"} | options)


def test_bad_requests_are_refused_before_they_are_sent(server):
    with remote(server.address) as chip:
        chip.configure(network())
        inputs, _ = next(batches(1))
        with pytest.raises(ValueError, match="until must be a time after 0, got nan"):
            chip.run(inputs, until=float("nan"), trial=0)
        with pytest.raises(ValueError, match="trial must be a whole number, at least 0, got -1"):
            chip.run(inputs, until=1.0, trial=-1)
        with pytest.raises(ValueError, match=r"first must be a whole number, at least 0, got 1\.5"):
            chip.run(inputs, until=1.0, trial=0, first=1.5)
        with pytest.raises(es.UnknownPart, match="input spikes of 'input' are missing"):
            chip.run({}, until=1.0, trial=0)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_no_file_descriptors_are_left_open():
    def n_open():
        return len(os.listdir("/proc/self/fd"))

    with socket.create_server(("127.0.0.1", 0)) as silent:
        chip = remote(silent.getsockname(), timeout=0.05, retries=3)
        gc.collect()
        before = n_open()
        with pytest.raises(es.errors.TargetLost, match="4 attempts"):
            chip.configure(network())
        assert n_open() <= before  # less where servers of other tests are just closing
