"""Programs that speak version 1 of the protocol keep working: a recorded conversation, from both sides."""

import base64
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from proxy import body_of, header_of, receive_frame

import eventsim as es
from eventsim import hardware as hw
from eventsim.hardware import RemoteTarget, SimulatedTarget, Substrate
from eventsim.hardware.remote.serve import TargetServer

# Written by version 0.1.0 of client and server, before models had hyphens in their names.
TRANSCRIPT = [
    {side: base64.b64decode(frame) for side, frame in exchange.items()}
    for exchange in json.loads((Path(__file__).parent / "transcripts" / "protocol-1.json").read_text("utf-8"))
]
CHIP = Substrate(
    [
        hw.Mismatch("v_th", 0.05),
        hw.WeightQuantization(0.05),
        hw.WeightSaturation(1.5),
        hw.TimestampResolution(0.01),
        hw.Jitter(0.02),
    ],
    device_seed=7,
    seed=2,
)


def numbers_of(frame):
    """Return the arrays of a frame, decoded by the documentation alone."""
    body, at, found = body_of(frame), 0, []
    for dtype, shape in header_of(frame)["arrays"]:
        n = int(np.prod(shape))
        found.append(np.frombuffer(body, dtype, n, at).reshape(shape))
        at += 8 * n
    return found


def test_an_old_client_gets_the_answers_of_the_old_server():
    with (
        TargetServer(SimulatedTarget(CHIP), name="chip device=7") as server,
        socket.create_connection(server.address, 20) as client,
    ):
        for exchange in TRANSCRIPT:
            client.sendall(exchange["request"])
            answer = receive_frame(client)
            header, wanted = header_of(answer), header_of(exchange["answer"])
            assert {key: header[key] for key in wanted} == wanted
            for one, other in zip(numbers_of(answer), numbers_of(exchange["answer"]), strict=True):
                np.testing.assert_allclose(one, other, rtol=1e-12)
    assert header_of(TRANSCRIPT[0]["answer"])["version"] == 1


def networks(first_only):
    rng = np.random.default_rng(1)
    net = es.Network(seed=1, time_unit="1")
    v_th = np.array([0.8, 1.0, 1.2, 1.1])
    net.add("input", es.models.SpikeSource(), 3)
    net.add("hidden", es.models.LIF(tau_mem=2.0, first_spike_only=first_only, v_th=v_th), 4)
    weight, delay = rng.normal(1.0, 0.6, (3, 4)), rng.uniform(0.2, 0.8, (3, 1))
    net.connect("input", "hidden", weight=weight, delay=delay)
    if first_only:
        net.add("label", es.models.LIF(first_spike_only=True), 2)
        net.connect("hidden", "label", weight=rng.normal(1.0, 0.6, (4, 2)), delay=0.3)
    else:
        net.add("label", es.models.LIFDelta(tau_mem=3.0), 2)
        pairs = es.connect.pairs([0, 1, 2, 3], [0, 1, 0, 1])
        net.connect("hidden", "label", pairs, weight=rng.normal(1.0, 0.2, 4), delay=0.25)
    return net


def test_a_client_of_today_talks_to_the_old_server():
    asked = []

    def old_server(listener):
        client, _ = listener.accept()
        with client:
            for exchange in TRANSCRIPT:
                asked.append(receive_frame(client))
                client.sendall(exchange["answer"])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=old_server, args=(listener,), daemon=True)
        thread.start()
        with RemoteTarget(listener.getsockname()[:2], chunk=2, retries=0, timeout=20) as chip:
            assert chip.configure(networks(True)) == {"clipped": 2}
            times = np.random.default_rng(2).uniform(0.1, 2.0, (4, 3))
            times[1, 2] = np.inf
            seen = chip.run({"input": times}, until=20.0, trial=3)
            label = [[2.91, 3.01], [np.inf, np.inf], [2.14, 2.2], [2.9, 2.93]]
            np.testing.assert_allclose(seen.first_spikes("label"), label)
            assert chip.configure(networks(False)) == {"clipped": 1}
            lists = [([0.5, 0.6, 1.5, 2.5], [0, 1, 0, 2]), ([0.1, 0.2], [1, 2])]
            seen = chip.run({"input": lists}, until=20.0, trial=4, first=5)
            np.testing.assert_allclose(seen.spikes["label"][1].times, [1.43, 1.63, 2.56])
        thread.join(20)
    for frame, exchange in zip(asked, TRANSCRIPT, strict=True):
        header, wanted = header_of(frame), header_of(exchange["request"])
        if header["type"] == "hello":
            assert header["versions"] == [2, 1]
            continue
        assert header == wanted
        assert body_of(frame) == body_of(exchange["request"])


@pytest.mark.parametrize("module", ["eventsim.hardware.serve", "eventsim.hardware.remote.serve"])
def test_both_commands_serve(module):
    command = [sys.executable, "-P", "-m", module, "--hardware", "brainscales2", "--set", "device=7"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.terminate()
        told = process.stderr.read()
    assert line.startswith("brainscales2 device_seed=7 listens on 127.0.0.1:")
    assert process.returncode == 0
    assert ("is called eventsim.hardware.remote.serve now" in told) == (module == "eventsim.hardware.serve")
