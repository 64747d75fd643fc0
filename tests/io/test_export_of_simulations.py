"""What is exported says its names and units: of simulations, of windows, of empty records, in each format."""

import csv

import h5py
import numpy as np
import pytest

import eventsim as es
from eventsim import io
from eventsim.errors import ConfigError, UnknownPart
from eventsim.io.export.sources import span_of
from eventsim.trace import Samples, Spikes, Trace

export = io.export


@pytest.fixture(scope="module")
def sim():
    """A simulation of neurons in mV and pA, of neurons without units, and of silent ones."""
    net = es.Network(seed=1)
    net.add("input", es.models.Poisson(rate=200.0), 20)
    net.add("cells", es.models.AdEx(i_ext=800.0), 4)
    net.add("plain", es.models.LIF(), 3)
    net.add("silent", es.models.LIF(), 2)
    net.connect("input", "plain", weight=0.5)
    sim = es.Simulation(net)
    sim.record("cells", "v", every=0.5, units=[3, 1])
    sim.record("plain", "v", every=0.25)
    sim.record("silent", "v", every=1.0)
    sim.run(40.0)
    assert len(sim.spikes("cells")) > 3
    return sim


def test_data_frames_of_spikes_and_samples(sim):
    pytest.importorskip("pandas")
    frame = export.to_pandas(sim)
    assert list(frame.columns) == ["population", "unit", "time"]
    assert frame.attrs == {"time_unit": "ms"}
    assert (frame["time"].diff().dropna() >= 0).all()
    assert list(frame["population"].cat.categories) == ["input", "cells", "plain", "silent"]
    one = export.to_pandas(sim, "cells")
    assert one["time"].tolist() == sim.spikes("cells").times.tolist()
    assert one["unit"].tolist() == sim.spikes("cells").units.tolist()
    assert len(export.to_pandas(sim, "silent")) == 0
    v = export.to_pandas(sim, "cells", "v")
    assert v.attrs == {"time_unit": "ms", "unit": "mV"}
    assert v.loc[0.5, 3] == sim.trace("cells", "v").values[1, 0]
    assert (v.index.name, v.columns.name, v.columns.tolist()) == ("time", "unit", [3, 1])
    assert export.to_pandas(sim, "plain", "v").attrs == {"time_unit": "ms"}
    with pytest.raises(UnknownPart, match="population 'cell' has no spikes here; known: input, cells, plain"):
        export.to_pandas(sim, "cell")
    with pytest.raises(UnknownPart, match="'w' of 'cells' was not sampled; known: 'v' of 'cells'"):
        export.to_pandas(sim, "cells", "w")
    with pytest.raises(ConfigError, match="population= must say whose 'v' is wanted"):
        export.to_pandas(sim, variable="v")


def test_labelled_arrays_have_units(sim, tmp_path):
    pytest.importorskip("xarray")
    tree = export.to_xarray(sim)
    v = tree["samples/cells.v"]["v"]
    assert v.attrs == {"long_name": "v of cells", "units": "mV"}
    assert v.coords["time"].attrs["units"] == "ms"
    assert v.sel(unit=1, time=0.5).item() == sim.trace("cells", "v").values[1, 1]
    assert "units" not in tree["samples/plain.v"]["v"].attrs
    assert tree["spikes/silent"].sizes["spike"] == 0


def test_neo_has_units_and_a_window_its_span(sim, tmp_path):
    pytest.importorskip("neo")
    statistics = pytest.importorskip("elephant.statistics")
    signals = {each.name: each for each in export.to_neo(sim).segments[0].analogsignals}
    assert str(signals["cells.v"].units.dimensionality) == "mV"
    assert str(signals["plain.v"].units.dimensionality) == "dimensionless"
    sim.save(tmp_path / "a.h5")
    part = io.load(tmp_path / "a.h5", start=20.0, stop=30.0)
    trains = [
        train
        for train in export.to_neo(part).segments[0].spiketrains
        if train.annotations["source_population"] == "input"
    ]
    assert {(float(train.t_start), float(train.t_stop)) for train in trains} == {(20.0, 30.0)}
    rates = [float(statistics.mean_firing_rate(train).rescale("1/ms")) for train in trains]
    times = sim.spikes("input").times
    assert sum(rates) == pytest.approx(((times >= 20.0) & (times < 30.0)).sum() / 10.0)


@pytest.mark.parametrize(
    ("window", "span"),
    [((50.0, 60.0), (40.0, 40.0)), ((-9.0, -3.0), (0.0, 0.0)), ((30.0, 60.0), (30.0, 40.0)),
     ((-9.0, np.inf), (0.0, 40.0))],
)  # fmt: skip
def test_a_window_spans_what_the_run_has_of_it(sim, tmp_path, window, span):
    sim.save(tmp_path / "a.h5")
    part = io.load(tmp_path / "a.h5", start=window[0], stop=window[1])
    assert span_of(part) == span
    pytest.importorskip("neo")
    trains = export.to_neo(part).segments[0].spiketrains
    assert {(float(train.t_start), float(train.t_stop)) for train in trains} == {span}


def test_csv_sonata_and_nwb_have_units(sim, tmp_path):
    files = export.to_csv(sim, tmp_path / "csv")
    assert [path.name for path in files] == [
        "spikes.csv", "samples-cells-v.csv", "samples-plain-v.csv", "samples-silent-v.csv"
    ]  # fmt: skip
    heads = [next(csv.reader(path.open())) for path in files]
    assert heads[1] == ["time (ms)", "unit 3 (mV)", "unit 1 (mV)"]
    assert heads[2] == ["time (ms)", "unit 0", "unit 1", "unit 2"]
    _, report = export.to_sonata(sim, tmp_path / "sonata")
    with h5py.File(report) as file:
        assert file["report/cells/data"].attrs["units"] == "mV"
        assert file["report/plain/data"].attrs["units"] == "1"
    pytest.importorskip("pynwb")
    again = io.load(export.to_nwb(sim, tmp_path / "a.nwb"))
    assert again.provenance["notes"] == "'v' of 'cells' is in mV"
    assert np.array_equal(again.samples["cells", "v"].values, sim.trace("cells", "v").values)


def test_names_that_make_the_same_word_are_different_files(tmp_path):
    one = Samples(np.zeros(1), np.ones((1, 1)), np.arange(1), 0.1)
    two = Samples(np.zeros(1), np.full((1, 1), 2.0), np.arange(1), 0.1)
    trace = Trace(samples={("a b", "v"): one, ("a_b", "v"): two})
    files = export.to_csv(trace, tmp_path)
    assert [path.name for path in files[1:]] == ["samples-a_b-v.csv", "samples-a_b-v-2.csv"]
    assert [path.read_text().splitlines()[1] for path in files[1:]] == ["0.0,1.0", "0.0,2.0"]


def test_what_is_no_trace_and_what_sonata_cannot_name_is_refused(tmp_path):
    pytest.importorskip("pandas")
    for function in (export.to_pandas, export.to_xarray, export.to_neo):
        with pytest.raises(TypeError, match=r"a trace .* or a simulation can be saved or exported, not dict"):
            function({})
    odd = Trace(spikes={"a/b": Spikes(np.zeros(0), np.zeros(0, np.int64))})
    with pytest.raises(ConfigError, match="SONATA cannot name a population 'a/b': no name has a '/' there"):
        export.to_sonata(odd, tmp_path / "out")


def test_empty_records_are_exported(tmp_path):
    pytest.importorskip("pandas")
    pytest.importorskip("xarray")
    pytest.importorskip("neo")
    for trace in (Trace(), Trace(sizes={"a": 2}, spikes={"a": Spikes(np.zeros(0), np.zeros(0, np.int64))})):
        assert len(export.to_pandas(trace)) == 0
        assert export.to_xarray(trace).attrs["time_unit"] == "ms"
        assert len(export.to_neo(trace).segments[0].spiketrains) == sum(trace.sizes.values())
        assert export.to_csv(trace, tmp_path)[0].read_text() == "population,unit,time (ms)\n"
