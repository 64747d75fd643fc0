"""Networks and spikes as frames and back: nothing changes, and nothing damaged gets through."""

import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from proxy import body_of, frame_of, header_of
from small import network

import eventsim as es
from eventsim.hardware import Observed, SimulatedTarget, SpikeTrains
from eventsim.hardware.remote._frames import Frame, FrameError, TooLarge, decoded, encoded, sizes
from eventsim.hardware.remote._messages import network_from, observed_from, put_network, put_observed


def parsed(content):
    """Return the frame that these bytes are."""
    header, _, checksum = sizes(content[:24])
    return decoded(content[24:], header, checksum)


def sent(net):
    """Return a network after its way through a frame."""
    frame = Frame({"type": "configure", "id": 1})
    put_network(frame, net)
    return network_from(parsed(encoded(frame)))


def spiking(net, until=30.0):
    simulation = es.Simulation(net)
    simulation.run(until)
    return {name: simulation.spikes(name) for name in net.populations}


def assert_same_spikes(one, other):
    found, expected = spiking(one), spiking(other)
    assert found.keys() == expected.keys()
    assert len(expected["cells"]) > 20
    for name, spikes in expected.items():
        np.testing.assert_array_equal(found[name].times, spikes.times)
        np.testing.assert_array_equal(found[name].units, spikes.units)


def recurrent(model, rule, **synapses):
    rng = np.random.default_rng(2)
    net = es.Network(seed=9, time_unit="us")
    net.add("input", es.models.SpikeSource(rng.uniform(0, 25, 80), rng.integers(0, 5, 80)), 5)
    net.add("cells", model, 7)
    net.connect("input", "cells", weight=rng.normal(1.5, 0.5, (5, 7)), delay=rng.uniform(0, 1, (1, 7)))
    net.connect("cells", "cells", rule, name="loop", **synapses)
    return net


PER_UNIT = np.linspace(0.8, 1.3, 7)


@pytest.mark.parametrize(
    "net",
    [
        recurrent(es.models.LIF(t_ref=0.2), None, weight=0.1, delay=0.7),
        recurrent(
            es.models.LIF(tau_mem=PER_UNIT, v_init=-PER_UNIT),
            None,
            weight=-0.2,
            delay=np.full(49, 0.3).reshape(7, 7),
        ),
        recurrent(
            es.models.LIFDelta(tau_mem=3.0),
            es.connect.fixed_probability(0.4),
            weight=es.connect.normal(0.1, 0.2),
            delay=es.connect.uniform(0.1, 2.0),
        ),
        recurrent(es.models.LIF(), [(0, 1, 0.5, 0.2), (0, 1, 0.25, 0.9), (6, 2, -1.0, 0.1)]),
        recurrent(es.models.LIF(), es.connect.one_to_one(), weight=0.3, delay=es.connect.axonal(PER_UNIT)),
        recurrent(
            es.models.LIF(v_th=0.9), es.connect.fixed_indegree(3), weight=0.2, delay=1.0, autapses=False
        ),
        recurrent(es.models.LIFDelta(clock="common"), None, weight=-0.1, delay=0.7),
    ],
    ids=["dense", "per-unit", "drawn", "listed", "one-to-one", "indegree", "common-clock"],
)
def test_a_network_that_was_sent_spikes_as_before(net):
    found = sent(net)
    assert_same_spikes(found, net)
    assert (found.seed, found.time_unit) == (9, "us")
    assert [(p.name, p.pre, p.post) for p in found.projections] == [
        (p.name, p.pre, p.post) for p in net.projections
    ]


def test_layers_that_were_sent_are_still_layers_with_their_kinds_of_delays():
    net = network()
    found = sent(net)
    for one, other in zip(found.projections, net.projections, strict=True):
        assert one.delay.shape == other.delay.shape == (len(other.weight), 1)
        np.testing.assert_array_equal(one.weight, other.weight)
    target = SimulatedTarget()
    target.configure(found)
    assert target._layers is not None


def test_parameters_keep_their_values():
    net = es.Network()
    net.add("ü", es.models.LIF(t_ref=np.inf, v_th=np.array([1.0, np.inf]), first_spike_only=True), 2)
    net.add("quiet", es.models.SpikeSource(), 3, record_spikes=False)
    found = sent(net)
    model = found.populations["ü"].model
    assert model.t_ref == np.inf
    assert np.asarray(model.v_th).tolist() == [1.0, np.inf]
    assert model.v_init is None
    assert model.first_spike_only is True
    assert not found.populations["quiet"].record_spikes
    assert found.populations["quiet"].n == 3


class Special(es.models.LIF):
    """A neuron that the other side does not know."""


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (es.models.Poisson(rate=5.0), "only SpikeSource, LIF, LIFDelta can be sent, 'cells' is Poisson"),
        (es.models.LatentEquilibrium(), "'cells' is LatentEquilibrium"),
        (Special(), "'cells' is Special"),
    ],
)
def test_what_cannot_be_sent_is_refused_in_one_line(model, message):
    net = es.Network()
    net.add("cells", model, 2)
    with pytest.raises(es.ConfigError, match=message):
        put_network(Frame({}), net)


def test_a_network_that_learns_by_itself_is_refused():
    net = es.Network()
    net.add("cells", es.models.LIF(), 2)
    net.plasticity.append(("cells", object()))
    with pytest.raises(es.ConfigError, match="cannot learn by itself, 'cells' has a rule"):
        put_network(Frame({}), net)


# ---------------------------------------------------------------------- frames


@given(
    st.lists(
        st.lists(st.floats(width=64), max_size=6).map(np.array)
        | st.lists(st.integers(-(2**63), 2**63 - 1), max_size=6).map(lambda v: np.array(v, np.int64)),
        max_size=4,
    ),
    st.dictionaries(st.text(max_size=5), st.text(max_size=5) | st.integers() | st.none(), max_size=3),
)
def test_a_frame_comes_back_as_it_was(arrays, entries):
    frame = Frame({"type": "t", "entries": entries})
    references = [frame.put(array) for array in arrays]
    found = parsed(encoded(frame))
    assert found.header == {"type": "t", "entries": entries}
    for reference, array in zip(references, arrays, strict=True):
        got = found.array(reference, "<i8" if array.dtype.kind == "i" else "<f8", 1)
        np.testing.assert_array_equal(got, array)
        assert got.flags.writeable


def test_the_layout_is_the_documented_one():
    content = frame_of(
        {"type": "t", "arrays": [["<f8", [2]], ["<i8", [1, 1]]]}, struct.pack("<ddq", 1.5, -2.0, 7)
    )
    found = parsed(content)
    assert found.arrays[0].tolist() == [1.5, -2.0]
    assert found.arrays[1].tolist() == [[7]]
    written = encoded(found)
    assert written[:4] == b"ESHW"
    n_header, n_body, checksum, of_prefix = struct.unpack("<IQII", written[4:24])
    assert len(written) == 24 + n_header + n_body
    assert checksum == zlib.crc32(written[24:])
    assert of_prefix == zlib.crc32(written[:20])
    assert body_of(written) == body_of(content)
    assert header_of(written) == header_of(content)


@given(st.data())
@settings(max_examples=200)
def test_no_damage_gets_through(data):
    frame = Frame({"type": "configure", "id": 1})
    put_network(frame, network())
    content = bytearray(encoded(frame))
    k = data.draw(st.integers(0, len(content) - 1))
    content[k] ^= data.draw(st.integers(1, 255))
    with pytest.raises(FrameError):
        parsed(bytes(content))


@given(st.binary(max_size=200), st.binary(max_size=100))
def test_any_bytes_with_right_checksums_are_a_frame_or_an_error(header, body):
    content = frame_of(header, body)
    try:
        frame = parsed(content)
        network_from(frame)
    except (FrameError, es.UnknownPart, ValueError, TypeError):
        return
    raise AssertionError("no network was there")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_a_network_with_a_part_replaced_is_a_network_or_an_error(data):
    frame = Frame({"type": "configure", "id": 1})
    put_network(frame, network())
    header = header_of(encoded(frame))
    place = header
    while True:  # go down to some entry
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    with suppress(es.UnknownPart, ValueError, TypeError):
        assert isinstance(network_from(parsed(frame_of(header, body_of(encoded(frame))))), es.Network)


@pytest.mark.parametrize(
    ("header", "body", "message"),
    [
        (b"[" * 100_000, b"", "must be a JSON object"),
        (b'{"type":"t","x":NaN}', b"", "NaN is no number"),
        (b'{"type":"t","x":' + b"9" * 5000 + b"}", b"", "must be a JSON object"),
        ({"id": 1}, b"", "must be a JSON object with a 'type'"),
        ({"type": "t", "arrays": 3}, b"", "expected a list, got 3"),
        ({"type": "t", "arrays": [["<f4", [1]]]}, b"1234", "an array must be"),
        ({"type": "t", "arrays": [["|O", [1]]]}, b"12345678", "an array must be"),
        ({"type": "t", "arrays": [["<f8", [1, 1, 1, 1]]]}, b"12345678", "an array must be"),
        ({"type": "t", "arrays": [["<f8", [-1]]]}, b"", "a dimension must be a whole number from 0"),
        (
            {"type": "t", "arrays": [["<f8", [1 << 28, 1 << 28, 1 << 28]]]},
            b"",
            "the body ends within array 0",
        ),
        ({"type": "t", "arrays": [["<f8", [2]]]}, b"12345678", "the body ends within array 0"),
        ({"type": "t"}, b"12345678", "the body has 8 bytes more"),
    ],
)
def test_a_header_that_does_not_do_is_told_apart(header, body, message):
    with pytest.raises(FrameError, match=message):
        parsed(frame_of(header, body))


def test_arrays_of_no_entries_are_arrays():
    content = frame_of({"type": "t", "arrays": [["<f8", [0]], ["<i8", [3, 0]], ["<f8", []]]}, bytes(8))
    assert [array.shape for array in parsed(content).arrays] == [(0,), (3, 0), ()]


def test_too_large_a_header_is_not_sent():
    with pytest.raises(TooLarge, match="a header may have 1048576 bytes"):
        encoded(Frame({"type": "t", "x": "y" * (1 << 20)}))


# ---------------------------------------------------------------------- observations


SIZES = {"a": 2, "b": 2}


def observation():
    first = np.array([[0.5, np.inf], [0.2, 0.1]])
    once = SpikeTrains.of_first(first)
    spikes = {"a": SpikeTrains.of_lists(list(once), 2), "b": once}
    return Observed(spikes, {"p": first + 1}, {"lost": np.int64(3)}, 0.25)


def written(**changes):
    frame = Frame({"type": "observed"})
    put_observed(frame, observation())
    frame = parsed(encoded(frame))
    frame.header |= changes
    return frame


LAYOUT = [[array.dtype.str, list(array.shape)] for array in written().arrays]
BODY = b"".join(array.tobytes() for array in written().arrays)


def test_an_observation_comes_back_as_it_was():
    found, expected = observed_from(written(), 2, SIZES), observation()
    for name in SIZES:
        np.testing.assert_array_equal(found.first_spikes(name), expected.first_spikes(name))
        assert [each.units.tolist() for each in found.spikes[name]] == [[0], [1, 0]]
    np.testing.assert_array_equal(found.arrivals["p"], expected.arrivals["p"])
    assert found.counters == {"lost": 3}
    assert found.hardware_seconds == 0.25


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"spikes": {}}, "spikes of a, b were expected, got"),
        ({"spikes": {"a": {"n": 2}, "b": {}}}, "expected {'array': number}, got None"),
        ({"spikes": {"a": {"n": 2, "times": {"array": 9}}, "b": {}}}, "there are 5 arrays, got number 9"),
        (
            {"spikes": {"a": {"n": 2, "times": {"array": 1}}, "b": {}}},
            "array 1 is <i8 with 1 dimensions, expected <f8",
        ),
        ({"arrivals": {"p": {"array": 0}}}, "arrivals of 'p' must be numbers, a row for each sample"),
        ({"counters": {"lost": -1}}, "counter 'lost' must be a whole number"),
        ({"counters": [3]}, "counters must be an object"),
        ({"hardware_seconds": -1.0}, "hardware_seconds must be a number >= 0"),
        ({"hardware_seconds": "long"}, "hardware_seconds must be a number >= 0"),
    ],
)
def test_an_observation_that_does_not_fit_is_no_observation(changes, message):
    with pytest.raises(FrameError, match=message):
        observed_from(written(**changes), 2, SIZES)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_an_observation_with_a_part_replaced_is_an_observation_or_an_error(data):
    frame = written()
    place = frame.header
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if not isinstance(place[key], dict) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    with suppress(FrameError):
        assert len(observed_from(parsed(frame_of(frame.header | {"arrays": LAYOUT}, BODY)), 2, SIZES)) == 2


@pytest.mark.parametrize(
    ("number", "values", "message"),
    [
        (0, [0.5, -0.1, 0.2], "times must be >= 0 and finite"),
        (0, [0.5, 0.3, 0.2], "times of a sample must be sorted"),
        (0, [0.5, 0.1, np.inf], "times must be >= 0 and finite"),
        (1, [0, 1, 2], r"units must be 0\.\.1"),
        (1, [0, -1, 0], r"units must be 0\.\.1"),
        (1, [0, 1], "do not fit 2 samples"),
        (2, [0, 1, 2], "do not fit 2 samples"),
        (2, [0, 1], "do not fit 2 samples"),
        (2, [0, 4, 3], "do not fit 2 samples"),
        (2, [1, 1, 3], "do not fit 2 samples"),
        (3, [[0.5, np.nan], [0.2, 0.1]], "first spikes must be >= 0 or inf, 2 rows of 2"),
        (3, [[0.5, -0.1], [0.2, 0.1]], "first spikes must be >= 0 or inf, 2 rows of 2"),
        (3, [[0.5, 0.1]], "first spikes must be >= 0 or inf, 2 rows of 2"),
        (3, [[0.5], [0.1]], "first spikes must be >= 0 or inf, 2 rows of 2"),
    ],
)
def test_spikes_that_do_not_fit_together_are_no_spikes(number, values, message):
    frame = written()
    frame.arrays[number] = np.array(values, frame.arrays[number].dtype)
    with pytest.raises(FrameError, match=message):
        observed_from(frame, 2, SIZES)
