"""Rows and strings of a foreign file that claim gigabytes are refused, wherever their references stand."""

import struct
import zlib

import h5py
import numpy as np
import pytest

import eventsim as es
from eventsim.errors import FileFormatError
from eventsim.io.datasets import read_recordings
from eventsim.io.hdf5.reading import open_hdf5

HUGE = 0xFFFFFFF0


@pytest.fixture
def path(tmp_path):
    return tmp_path / "other.h5"


def refused(path, match):
    with pytest.raises(FileFormatError, match=match), open_hdf5(path):
        pass


def read(path):
    with open_hdf5(path):
        pass


def with_claim(path, before):
    """Let the reference behind some bytes claim to be huge."""
    content = bytearray(path.read_bytes())
    place = content.find(before)
    assert place >= 0
    assert content.find(before, place + 1) < 0
    struct.pack_into("<I", content, place + len(before), HUGE)
    path.write_bytes(content)


@pytest.mark.parametrize("where", ["/", "group", "data"])
@pytest.mark.parametrize("userblock", [0, 512])
def test_an_attribute_of_version_1_that_is_longer_than_the_file_is_refused(path, where, userblock):
    with h5py.File(path, "w", userblock_size=userblock) as file:
        file.create_group("group").attrs["other"] = 1.0
        file["data"] = np.arange(3.0)
        file[where].attrs["units"] = "ms"
    read(path)
    content = path.read_bytes()
    place = content.find(b"units\0\0\0") + 8
    assert content[place - 16] == 1  # version 1: name, type and space each padded to whole words
    with_claim(path, content[place - 16 : place + 24 + 8])
    refused(path, "attribute 'units' is longer than the file")


def test_the_second_string_of_an_attribute_counts_too(path):
    with h5py.File(path, "w") as file:
        file.attrs["names"] = ["a", "bcd"]
    read(path)
    content = path.read_bytes()
    place = content.find(struct.pack("<I", 3), content.find(b"names\0"))
    with_claim(path, content[place - 60 : place])
    refused(path, "attribute 'names' is longer than the file")


@pytest.mark.parametrize("libver", ["earliest", "v110"])
@pytest.mark.parametrize("small", [False, True])
def test_a_string_that_is_longer_than_the_file_is_refused(path, libver, small):
    with h5py.File(path, "w", libver=(libver, "v110")) as file:
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        if small:
            properties.set_layout(h5py.h5d.COMPACT)
        kind = h5py.h5t.py_create(h5py.string_dtype(), logical=True)
        space = h5py.h5s.create_simple((2,))
        file["folder/text"] = h5py.Dataset(h5py.h5d.create(file.id, None, kind, space, properties))
        file["folder/text"][...] = ["some", "words"]
        place = file["folder/text"].id.get_offset()
    read(path)
    content = bytearray(path.read_bytes())
    if small:
        heap = content.find(b"GCOL")
        place = content.find(struct.pack("<IQ", 4, heap))
    assert struct.unpack_from("<I", content, place)[0] == len("some")
    struct.pack_into("<I", content, place, HUGE)
    path.write_bytes(content)
    # With check sums, the library itself refuses a header that was changed.
    refused(
        path, "truncated or damaged" if small and libver == "v110" else "strings of /folder/text are longer"
    )


def write_rows(path, **storage):
    with h5py.File(path, "w") as file:
        rows = file.create_dataset("spikes/times", (5,), h5py.vlen_dtype("f8"), chunks=(2,), **storage)
        units = file.create_dataset("spikes/units", (5,), h5py.vlen_dtype("u2"))
        for k in range(5):
            rows[k], units[k] = np.arange(k) / 8, np.arange(k)
        file["labels"] = np.arange(5)


@pytest.mark.parametrize(
    "storage",
    [
        {},
        {"compression": "gzip"},
        {"compression": "gzip", "shuffle": True},
        {"shuffle": True},
    ],
)
def test_rows_whose_references_stand_in_chunks_are_checked(path, storage):
    write_rows(path, **storage)
    recordings, _ = read_recordings(path)
    assert [len(each) for each in recordings] == [0, 1, 2, 3, 4]
    with h5py.File(path, "r+") as file:  # a chunk whose first reference claims 32 GB
        dataset = file["spikes/times"].id
        raw = bytearray(32)
        struct.pack_into("<IQI", raw, 0, HUGE, 512, 1)
        if storage.get("shuffle"):
            raw = bytearray(np.frombuffer(raw, np.uint8).reshape(2, 16).T.tobytes())
        if storage.get("compression"):
            raw = bytearray(zlib.compress(bytes(raw)))
        dataset.write_direct_chunk((2,), bytes(raw))
    with pytest.raises(FileFormatError, match="rows of /spikes/times are longer than the file"):
        read_recordings(path)


@pytest.mark.parametrize(
    ("kind", "match"),
    [
        (
            np.dtype([("name", h5py.string_dtype()), ("x", "f8")]),
            "/a has records with rows",
        ),
        (h5py.vlen_dtype(h5py.vlen_dtype("f8")), "/a has rows within rows"),
    ],
)
def test_rows_within_records_and_rows_are_refused(path, kind, match):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (3,), kind)
    refused(path, match)


@pytest.mark.parametrize("link", [h5py.SoftLink("/node"), "hard"])
def test_a_graph_within_itself_is_refused_at_once(tmp_path, link):
    pytest.importorskip("nir")
    net = es.Network()
    net.add("input", es.models.SpikeSource(), 1)
    net.add("cells", es.models.LIF(), 2)
    net.connect("input", "cells", weight=1.0)
    path = es.io.export.to_nir(net, tmp_path / "a.nir")
    es.io.load(path)
    with h5py.File(path, "r+") as file:  # the package would follow each of these again and again
        for name in ("a", "b", "c"):
            file[f"node/nodes/{name}"] = file["node"] if link == "hard" else link
    with pytest.raises(FileFormatError, match=r"one object|does not lead to a dataset"):
        es.io.load(path)


def test_a_filter_that_claims_gigabytes_is_refused(path):
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.arange(1000), chunks=(100,), compression="lzf")
    read(path)
    content = bytearray(path.read_bytes())
    place = content.find(struct.pack("<I", 800), content.find(b"lzf"))
    struct.pack_into("<I", content, place, HUGE)
    path.write_bytes(content)
    refused(path, "a filter of /a declares 4294967280 bytes a chunk")
