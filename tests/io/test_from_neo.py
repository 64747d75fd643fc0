"""Neo blocks in: what we wrote comes back to the bit, also through NIX and NWB; others by their names."""

import numpy as np
import pytest

import eventsim as es
from eventsim import io
from eventsim.errors import ConfigError
from eventsim.trace import Spikes, Trace

neo = pytest.importorskip("neo")
pq = pytest.importorskip("quantities")


@pytest.mark.parametrize("unit", ["us", "ms", "s", "ns", "1"])
def test_a_trace_comes_back_to_the_bit(run, unit):
    run.time_unit = unit
    again = io.from_neo(io.to_neo(run))
    assert again.time_unit == unit
    assert again.duration == run.duration
    for name, spikes in run.spikes.items():
        assert np.array_equal(again.spikes[name].times, spikes.times)
        assert np.array_equal(again.spikes[name].units, spikes.units)
        assert again.sizes[name] == run.sizes[name]
    for key, samples in run.samples.items():
        assert np.array_equal(again.samples[key].values, samples.values, equal_nan=True)
        assert np.array_equal(again.samples[key].units, samples.units)
        assert np.array_equal(again.samples[key].times, samples.times)
        assert again.samples[key].every == samples.every


def test_a_simulation_comes_back_and_is_replayed():
    net = es.Network(seed=1)
    net.add("input", es.models.Poisson(rate=200.0), 5)
    net.add("cells", es.models.LIF(tau_mem=10.0, tau_syn=3.0, v_th=0.5), 3)
    net.connect("input", "cells", weight=0.3, delay=1.0)
    sim = es.Simulation(net)
    sim.record("cells", "v", every=0.1)
    sim.run(100.0)
    trace = io.from_neo(io.to_neo(sim.record_of_run()))
    assert np.array_equal(trace.samples["cells", "v"].values, sim.trace("cells", "v").values)
    again = es.Network()
    again.add("input", es.models.SpikeSource.from_run(trace, "input"), 5)
    again.add("cells", net["cells"].model, 3)
    again.connect("input", "cells", weight=0.3, delay=1.0)
    other = es.Simulation(again)
    other.run(100.0)
    assert len(sim.spikes("cells")) > 10
    assert np.allclose(other.spikes("cells").times, sim.spikes("cells").times, rtol=0, atol=1e-10)


def test_a_file_of_nix_brings_a_trace_back(run, tmp_path):
    nixio = pytest.importorskip("neo.io.nixio")
    pytest.importorskip("nixio")
    with nixio.NixIO(str(tmp_path / "run.nix"), mode="ow") as file:
        file.write_block(io.to_neo(run))
    with nixio.NixIO(str(tmp_path / "run.nix"), mode="ro") as file:
        again = io.from_neo(file.read_all_blocks()[0])
    for name, spikes in run.spikes.items():
        assert np.array_equal(again.spikes[name].times, spikes.times)
        assert np.array_equal(again.spikes[name].units, spikes.units)


def test_nwb_brings_the_spikes_back_through_pynwb_and_neo(run, tmp_path):
    pynwb = pytest.importorskip("pynwb")
    path = io.export.to_nwb(run, tmp_path / "run.nwb")  # its times are in us, those of NWB in s
    with pynwb.NWBHDF5IO(str(path), "r") as file:
        table = file.read().units
        for name, spikes in run.spikes.items():
            mine = [k for k in range(len(table)) if table["population"][k] == name]
            assert [int(table["node_id"][k]) for k in mine] == list(range(run.sizes[name]))
            for k, unit in zip(mine, range(run.sizes[name]), strict=True):
                times = spikes.times[spikes.units == unit]
                assert np.allclose(table["spike_times"][k], times * 1e-6, rtol=1e-15, atol=0)
    block = neo.io.NWBIO(str(path), mode="r").read_block(lazy=False)
    again = io.from_neo(block)
    assert again.time_unit == "s"
    assert sum(map(len, again.spikes.values())) == sum(map(len, run.spikes.values()))


def train(times, unit="ms", stop=10.0, **annotations):
    return neo.SpikeTrain(times * getattr(pq, unit), t_stop=stop * getattr(pq, unit), **annotations)


def test_blocks_of_others_are_read_by_their_names_and_units():
    block = neo.Block()
    block.segments += [neo.Segment(), neo.Segment()]
    part = block.segments[1]
    part.spiketrains += [train([1.0, 3.0]), train([0.002], "s", 0.01), train([], "ms")]
    signal = neo.AnalogSignal(
        [[1.0, 2.0], [3.0, 4.0]], units="mV", sampling_rate=10 * pq.kHz, name="membrane"
    )
    part.analogsignals.append(signal)
    trace = io.from_neo(block, segment=1)
    assert (trace.time_unit, trace.duration, trace.sizes["spikes"]) == ("ms", 10.0, 3)
    assert trace.spikes["spikes"].times.tolist() == [1.0, 2.0, 3.0]
    assert trace.spikes["spikes"].units.tolist() == [0, 1, 0]
    samples = trace.samples["membrane", "signal"]
    assert samples.every == pytest.approx(0.1)
    assert samples.values.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert "'signal' of 'membrane' is in mV" in trace.provenance["notes"]
    assert "trains without source_population" in trace.provenance["notes"]


def test_what_is_wrong_is_said_in_one_line():
    block = neo.Block()
    block.segments.append(neo.Segment())
    with pytest.raises(TypeError, match=r"from_neo takes a neo\.Block, got a Segment"):
        io.from_neo(block.segments[0])
    with pytest.raises(ConfigError, match="the block has 1 segments, segment 1 is none of them"):
        io.from_neo(block, segment=1)
    block.segments[0].spiketrains += [train([1.0], source_population="a", node_id=0) for _ in range(2)]
    with pytest.raises(ConfigError, match="two trains are unit 0 of 'a'"):
        io.from_neo(block)
    block.segments[0].spiketrains[1].annotations["node_id"] = "x"
    with pytest.raises(ConfigError, match="node_id of a train of 'a' should be a number from 0 on, got 'x'"):
        io.from_neo(block)


def test_an_empty_trace_stays_empty():
    empty = Trace(sizes={"a": 2}, spikes={"a": Spikes(np.zeros(0), np.zeros(0, np.int64))}, duration=5.0)
    again = io.from_neo(io.to_neo(empty))
    assert (again.sizes, len(again.spikes["a"]), again.duration) == ({"a": 2}, 0, 5.0)
