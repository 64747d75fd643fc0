"""Files of the official tasks whose data are not here: small files of the same form, read back."""

import numpy as np
import pytest
from scipy.io import wavfile

import eventsim as es
from eventsim.errors import FileFormatError
from eventsim.io.datasets.sets import acoustic_scenes, event_camera, mswc


@pytest.fixture
def words(tmp_path):
    rng = np.random.default_rng(1)
    folder = tmp_path / "MSWC"
    (folder / "en" / "clips" / "success").mkdir(parents=True)
    sounds = {
        f"success/{k}.wav": rng.integers(-9000, 9000, n).astype(np.int16)
        for k, n in enumerate((48000, 30000))
    }
    for name, sound in sounds.items():
        wavfile.write(folder / "en" / "clips" / name, 48000, sound)
    lines = [f"{name},success,en" for name in sounds]
    (folder / "base_train.csv").write_text("\n".join(["PATH,WORD,LANG", *lines]))
    (folder / "fa" / "clips").mkdir(parents=True)
    wavfile.write(folder / "fa" / "clips" / "a.wav", 48000, next(iter(sounds.values())))
    (folder / "fa" / "evaluation.csv").write_text("a.wav,آپارتمان,fa\n", encoding="utf-8")
    return tmp_path, sounds


def test_words_are_read_one_by_one_and_fill_a_second(words):
    root, sounds = words
    found = es.io.datasets.mswc_base("train", root)
    assert len(found) == 2
    assert found.languages == ("en", "en")
    for sound, read in zip(sounds.values(), found, strict=True):
        assert read.shape == (48000,)
        assert (read[: len(sound)] == sound).all()
        assert not read[len(sound) :].any()
    assert found.labels(["other", "success"]).tolist() == [1, 1]
    assert len(found[:1]) == 1
    session = es.io.datasets.mswc_session("fa", root)
    assert session.words == ("آپارتمان",)
    assert session[0].any()


def test_bad_lists_of_words_are_named(words):
    root, _ = words
    with pytest.raises(ValueError, match="split must be"):
        mswc.mswc_base("training", root)
    with pytest.raises(ValueError, match="language must be one of fa, eo"):
        mswc.mswc_session("en", root)
    with pytest.raises(FileNotFoundError, match=r"base_val\.csv"):
        mswc.mswc_base("val", root)
    (root / "MSWC" / "base_val.csv").write_text("a.wav,word\n")
    with pytest.raises(FileFormatError, match=r"lines 'path,word,language', got 'a\.wav,word'"):
        mswc.mswc_base("val", root)
    (root / "MSWC" / "base_val.csv").write_bytes(b"a.wav,\xff,en\n")
    with pytest.raises(FileFormatError, match=r"base_val.csv is no CSV file: 'utf-8' codec"):
        mswc.mswc_base("val", root)
    wavfile.write(root / "MSWC" / "fa" / "clips" / "a.wav", 16000, np.zeros(10, np.int16))
    with pytest.raises(FileFormatError, match="at 16000 Hz"):
        mswc.mswc_session("fa", root)[0]
    (root / "MSWC" / "fa" / "clips" / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(FileFormatError, match="no WAV file"):
        mswc.mswc_session("fa", root)[0]


@pytest.fixture
def drive(tmp_path):
    rng = np.random.default_rng(2)
    n = 500
    events = {"t": np.sort(rng.integers(0, 200_000, n)), "x": rng.integers(0, 1280, n)}
    events |= {"y": rng.integers(0, 720, n), "p": rng.integers(0, 2, n)}
    records = np.zeros(n, event_camera.EVENT)
    records["t"] = events["t"]
    records["word"] = events["x"] | events["y"] << 14 | events["p"] << 28
    folder = tmp_path / "gen4" / "test"
    folder.mkdir(parents=True)
    header = b"% Data file containing CD events.\n% Version 2\n% Width 1280\n% Height 720\n"
    (folder / "one_td.dat").write_bytes(header + bytes([12, 8]) + records.tobytes())
    fields = [
        ("t", "<u8"),
        *((name, "<f4") for name in "xywh"),
        ("class_id", "u1"),
        ("class_confidence", "<f4"),
    ]
    boxes = np.zeros(4, [*fields, ("track_id", "<u4")])
    boxes["t"], boxes["class_id"] = [0, 1, 2, 3], [0, 2, 5, 1]
    for name, value in zip("xywh", ([10, 20, 30, 40], 50, [60, 70, 80, 10], 100), strict=True):
        boxes[name] = value
    boxes["h"][3] = 20
    np.save(folder / "one_bbox.npy", boxes)
    return tmp_path, events


def test_events_and_boxes_of_a_drive(drive):
    root, events = drive
    [(dat, npy)] = es.io.datasets.event_camera("test", root)
    read = es.io.datasets.read_events(dat)
    assert all((read[name] == values).all() for name, values in events.items())
    boxes = es.io.datasets.read_boxes(npy)
    # The third is a traffic sign, the fourth too small.
    assert boxes["t"].tolist() == [0, 1]
    assert boxes["label"].tolist() == [0, 2]
    assert boxes["box"].tolist() == [[5, 25, 30, 50], [10, 25, 35, 50]]
    frames = es.io.datasets.histograms(read)
    assert frames.shape == (int(events["t"].max()) // 50_000 + 1, 2, 360, 640)
    assert frames.sum() == 500
    k = 7
    place = events["t"][k] // 50_000, events["p"][k], events["y"][k] // 2, events["x"][k] // 2
    assert frames[place] >= 1


def test_damaged_drives_are_named(drive):
    root, _ = drive
    [(dat, npy)] = event_camera.event_camera("test", root)
    whole = dat.read_bytes()
    for damaged, message in (
        (whole[:-3], "ends within an event"),
        (whole[200:], "no DAT file of events"),
        (b"% no end", "header does not end"),
    ):
        dat.write_bytes(damaged)
        with pytest.raises(FileFormatError, match=message):
            event_camera.read_events(dat)
    np.save(npy, np.zeros(2, [("t", "<u8"), ("x", "<f4")]))
    with pytest.raises(FileFormatError, match="boxes without 'y'"):
        event_camera.read_boxes(npy)
    npy.unlink()
    with pytest.raises(FileNotFoundError, match=r"one_bbox\.npy is missing"):
        event_camera.event_camera("test", root)
    with pytest.raises(FileNotFoundError, match="needs train"):
        event_camera.event_camera("train", root)


@pytest.fixture
def city(tmp_path):
    rng = np.random.default_rng(3)
    root = tmp_path / acoustic_scenes.ACOUSTIC_SCENES.folder
    (root / "audio").mkdir(parents=True)
    (root / "evaluation_setup").mkdir()
    rows = [
        ("audio/bus-1.wav", "bus", "a"),
        ("audio/bus-2.wav", "bus", "b"),
        ("audio/tram-1.wav", "tram", "a"),
    ]
    sound = rng.integers(-(2**31), 2**31, 80_000, dtype=np.int64).astype(np.int32)
    wavfile.write(root / "audio" / "bus-1.wav", 8000, sound)
    lines = ["filename\tscene_label\tidentifier\tsource_label", *(f"{f}\t{s}\tx\t{d}" for f, s, d in rows)]
    (root / "meta.csv").write_text("\n".join(lines))
    listed = ["filename\tscene_label", *(f"{f}\t{s}" for f, s, _ in rows)]
    (root / "evaluation_setup" / "fold1_train.csv").write_text("\n".join(listed))
    return tmp_path, sound


def test_scenes_of_one_device_are_cut_into_seconds(city):
    root, sound = city
    slices, labels = es.io.datasets.acoustic_scenes("train", root)
    assert len(slices) == 10
    assert set(labels) == {acoustic_scenes.SCENES.index("bus")}
    part, rate = es.io.datasets.scene(*slices[3])
    assert rate == 8000
    assert part == pytest.approx(sound[24_000:32_000] / 2**31, abs=1e-6)
    with pytest.raises(FileFormatError, match="no second 10"):
        es.io.datasets.scene(slices[0][0], 10)
    with pytest.raises(FileNotFoundError, match=r"fold1_evaluate\.csv"):
        es.io.datasets.acoustic_scenes("test", root)
    meta = root / acoustic_scenes.ACOUSTIC_SCENES.folder / "meta.csv"
    meta.write_text("filename\tscene_label\n")
    with pytest.raises(FileFormatError, match="no column 'source_label'"):
        es.io.datasets.acoustic_scenes("train", root)
    meta.write_text("filename\tscene_label\tsource_label\na.wav\tbus\n")
    with pytest.raises(FileFormatError, match=r"row 1 of .*meta.csv has fewer fields"):
        es.io.datasets.acoustic_scenes("train", root)
    meta.write_bytes(b"filename\tscene_label\tsource_label\n\xff")
    with pytest.raises(FileFormatError, match="is no table separated by tabs"):
        es.io.datasets.acoustic_scenes("train", root)
