"""Published sets load in their published form, and what is missing or damaged is named."""

import gzip
import shutil
import zipfile

import h5py
import numpy as np
import pytest

from eventsim.errors import FileFormatError, UnknownPart
from eventsim.io import datasets
from eventsim.io.datasets.files import PublishedSet
from eventsim.io.datasets.resampling import shrink, weights


@pytest.mark.parametrize("name", ["mnist", "fashion_mnist"])
def test_images_and_labels_have_the_published_counts(name, data):
    load = getattr(datasets, name)
    counts = {
        "train": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        if name == "mnist"
        else [6000] * 10,
        "test": [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009] if name == "mnist" else [1000] * 10,
    }
    for split, expected in counts.items():
        images, labels = load(split)
        assert images.shape == (sum(expected), 28, 28)
        assert images.dtype == np.uint8
        assert np.bincount(labels).tolist() == expected
    if name == "mnist":
        pixels = load("train")[0] / 255
        assert pixels.mean() == pytest.approx(0.1307, abs=5e-5)
        assert pixels.std() == pytest.approx(0.3081, abs=5e-5)


def test_small_images_are_those_of_pillow_to_the_bit(data):
    Image = pytest.importorskip("PIL.Image")
    images, _ = datasets.mnist("test")
    small, _ = datasets.mnist("test", size=16)
    assert small.shape == (10_000, 16, 16)
    for image, ours in zip(images[:500], small[:500], strict=True):
        theirs = Image.fromarray(image).crop((2, 2, 26, 26)).resize((16, 16), Image.Resampling.BILINEAR)
        assert np.array_equal(np.asarray(theirs), ours)


@pytest.mark.parametrize(("crop", "size"), [(24, 16), (20, 7), (20, 20), (8, 16)])
def test_any_shrinking_is_that_of_pillow(crop, size):
    Image = pytest.importorskip("PIL.Image")
    images = np.random.default_rng(0).integers(0, 256, (20, 24, 24), dtype=np.uint8)
    edge = (24 - crop) // 2
    for image, ours in zip(images, shrink(images, crop, size), strict=True):
        cut = Image.fromarray(image).crop((edge, edge, edge + crop, edge + crop))
        assert np.array_equal(np.asarray(cut.resize((size, size), Image.Resampling.BILINEAR)), ours)


def test_shrinking_keeps_a_flat_image_flat():
    assert (shrink(np.full((1, 28, 28), 200, np.uint8), 24, 16) == 200).all()
    assert np.abs(weights(24, 16).sum(axis=0) - 2**22).max() <= 2  # rounding of the fixed point


def test_sequences_and_recordings_have_their_published_shapes(data):
    x, y = datasets.mnist1d()
    assert x.shape == (4000, 40)
    assert x.std() == pytest.approx(0.998, abs=0.001)
    assert datasets.mnist1d("test")[0].shape == (1000, 40)
    assert np.bincount(y).min() == 394
    audio, labels = datasets.fsdd()
    assert len(audio) == len(labels) == 2700
    assert len(datasets.fsdd("test")[0]) == 300
    assert {len(part) for part in audio} <= set(range(1148, 18263))
    taxels, letters = datasets.braille()
    assert np.bincount(letters).tolist() == [50] * 27
    assert {part.shape for part in taxels} == {(76, 12), (77, 12)}
    table = datasets.mackey_glass_parameters()
    assert table["tau"].tolist() == list(range(17, 31))
    assert table["lyapunov_time"][0] == 197


def test_a_speaker_can_be_held_out(data):
    train, _ = datasets.fsdd("train", speaker="jackson")
    test, labels = datasets.fsdd("test", speaker="jackson")
    assert (len(train), len(test)) == (2500, 500)
    assert np.bincount(labels).tolist() == [50] * 10
    with pytest.raises(ValueError, match=r"no speaker 'nobody' in FSDD; speakers: .*jackson"):
        datasets.fsdd(speaker="nobody")


@pytest.mark.parametrize(
    ("load", "n_units", "n", "longest"),
    [(datasets.fsdd_spikes, 700, 300, 1000.0), (datasets.nmnist_small, 34 * 34 * 2, 100, 337.0)],
)
def test_recordings_of_spikes_are_sorted_and_in_milliseconds(load, n_units, n, longest, data):
    recordings, labels = load("test")
    assert len(recordings) == len(labels) == n
    for spikes in recordings:
        assert (np.diff(spikes.times) >= 0).all()
        assert 0 <= spikes.units.min() <= spikes.units.max() < n_units
        assert 0 <= spikes.times[0] <= spikes.times[-1] <= longest
    assert max(spikes.times[-1] for spikes in recordings) > 0.5 * longest  # ms, not s or us


def test_the_layout_of_the_heidelberg_digits_is_read(tmp_path):
    with h5py.File(tmp_path / "shd.h5", "w") as file:
        for name, rows, dtype in (
            ("times", [[0.5, 0.25], []], np.float16),
            ("units", [[3, 699], []], np.uint16),
        ):
            kind = h5py.vlen_dtype(np.dtype(dtype))
            stored = file.create_dataset(f"spikes/{name}", 2, dtype=kind)
            for k, row in enumerate(rows):
                stored[k] = np.array(row, dtype)
        file["labels"] = np.array([4, 19], np.uint16)
    recordings, labels = datasets.read_recordings(tmp_path / "shd.h5")
    assert recordings[0].times.tolist() == [500.0, 250.0]
    assert recordings[0].units.tolist() == [3, 699]
    assert len(recordings[1]) == 0
    assert labels.tolist() == [4, 19]
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    with pytest.raises(FileFormatError, match=r"other\.h5 does not hold recordings in the layout of SHD"):
        datasets.read_recordings(tmp_path / "other.h5")


def test_digits_are_split_evenly_by_class():
    train, train_labels = datasets.digits("train")
    test, test_labels = datasets.digits("test")
    assert len(train) + len(test) == 1797
    assert train.shape[1:] == (8, 8)
    assert train.max() == 16
    assert np.ptp(np.bincount(test_labels)) <= 2
    assert np.bincount(train_labels).min() > 130


def test_digits_are_those_of_scikit_learn():
    bunch = pytest.importorskip("sklearn.datasets").load_digits()
    images = np.concatenate([datasets.digits(split)[0] for split in ("train", "test")])
    labels = np.concatenate([datasets.digits(split)[1] for split in ("train", "test")])
    order = np.lexsort(images.reshape(len(images), -1).T)
    theirs = np.lexsort(bunch.images.reshape(len(images), -1).T)
    assert np.array_equal(images[order], bunch.images[theirs])
    assert np.array_equal(labels[order], bunch.target[theirs])


def test_the_files_of_a_set_can_be_asked_for(tmp_path, data):
    for name in ("mnist", "fashion-mnist", "mnist-1d", "fsdd", "fsdd-spikes", "braille", "mackey-glass"):
        datasets.require(name, data)
        with pytest.raises(FileNotFoundError, match="needs the file"):
            datasets.require(name, tmp_path)
    with pytest.raises(UnknownPart, match="no data set named 'mnst'; known: mnist"):
        datasets.require("mnst", data)
    (tmp_path / "mnist.npz").write_bytes(b"")
    datasets.require("mnist", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"the folder of data sets .*nowhere does not exist"):
        datasets.require("mnist", tmp_path / "nowhere")


def test_a_missing_file_says_where_it_was_looked_for_and_where_the_set_is(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match="no folder of data sets is known; name it with --data"):
        datasets.mnist()
    with pytest.raises(FileNotFoundError) as caught:
        datasets.mnist(data=tmp_path)
    for part in ("train-images-idx3-ubyte.gz", str(tmp_path / "mnist"), "yann.lecun.com/exdb/mnist"):
        assert part in str(caught.value)
    monkeypatch.setenv("EVENTSIM_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="zenodo"):
        datasets.braille()


def test_a_damaged_file_is_refused_and_a_repaired_one_taken(tmp_path, data):
    name = "mackey-glass/mackey_glass_parameters.csv"
    (tmp_path / "mackey-glass").mkdir()
    (tmp_path / name).write_bytes((data / name).read_bytes() + b" ")
    for _ in range(2):
        with pytest.raises(
            FileFormatError, match=r"is damaged or another version: its sha256 is .*neurobench"
        ):
            datasets.mackey_glass_parameters(tmp_path)
    shutil.copy(data / name, tmp_path / name)
    assert len(datasets.mackey_glass_parameters(tmp_path)["tau"]) == 14
    # The folder of the set itself will do as well.
    assert len(datasets.mackey_glass_parameters(tmp_path / "mackey-glass")["tau"]) == 14


def test_mnist_1d_drawn_again_at_its_published_length_is_the_published_set(data):
    from eventsim.io.datasets.sets.mnist1d import generate

    with np.load(data / "mnist1d" / "mnist1d.npz") as file:
        x, y = generate(file["template_x"], file["template_y"], 40)
        np.testing.assert_allclose(x[:4000], file["x"], rtol=0, atol=1e-14)
        np.testing.assert_allclose(x[4000:], file["x_test"], rtol=0, atol=1e-14)
        assert (y == np.concatenate([file["y"], file["y_test"]])).all()


def test_mnist_1d_has_the_same_sequences_at_any_number_of_points(data):
    few, fine = datasets.mnist1d("test")[0], datasets.mnist1d("test", length=72)
    assert fine[0].shape == (1000, 72)
    assert (fine[1] == datasets.mnist1d("test")[1]).all()
    thinned = np.stack([np.interp(np.linspace(0, 1, 40), np.linspace(0, 1, 72), x) for x in fine[0]])
    slope, offset = np.polyfit(thinned.ravel(), few.ravel(), 1)  # the two differ in their mean and scale
    np.testing.assert_allclose(slope * thinned + offset, few, atol=1e-12)
    with pytest.raises(ValueError, match="at least 2 points, got length=1"):
        datasets.mnist1d(length=1)


def test_unknown_splits_and_sizes_are_refused():
    for load in (datasets.mnist, datasets.fsdd, datasets.digits, datasets.nmnist_small, datasets.mnist1d):
        with pytest.raises(ValueError, match="split must be 'train' or 'test', got 'all'"):
            load("all")


def test_every_set_has_an_origin_and_sums_of_its_files():
    modules = [getattr(datasets.sets, name) for name in dir(datasets.sets)]
    published = [
        each for module in modules for each in vars(module).values() if isinstance(each, PublishedSet)
    ]
    assert {each.folder for each in published} >= {"mnist", "fashion-mnist", "fsdd", "shd", "braille"}
    assert all("." in each.origin for each in published)
    assert {each.folder for each in published if not each.sha256} == {
        "shd",
        "ssc",
        "primate-reaching",
        "MSWC",
        "TAU-urban-acoustic-scenes-2020-mobile-development",
        "gen4",
    }  # no file at hand
    assert all(len(found) == 64 for each in published for found in each.sha256.values())


@pytest.mark.parametrize(
    "layout",
    [
        "train-images-idx3-ubyte.gz",
        "mnist/train-images-idx3-ubyte",
        "train-images.idx3-ubyte",
        "MNIST/raw/train-images-idx3-ubyte",
        "mnist.npz",
    ],
)
def test_mnist_is_read_in_the_layouts_of_other_programs(layout, tmp_path, data):
    labels_name = layout.replace("images", "labels").replace("idx3", "idx1")
    source = data / "mnist"
    (tmp_path / layout).parent.mkdir(parents=True, exist_ok=True)
    images, labels = datasets.mnist("train", data)
    if layout.endswith(".npz"):
        np.savez(tmp_path / layout, x_train=images, y_train=labels.astype(np.uint8))
    else:
        for name, original in ((layout, "train-images-idx3"), (labels_name, "train-labels-idx1")):
            packed = (source / f"{original}-ubyte.gz").read_bytes()
            (tmp_path / name).write_bytes(packed if name.endswith(".gz") else gzip.decompress(packed))
    found, found_labels = datasets.mnist("train", tmp_path)
    assert np.array_equal(found, images)
    assert np.array_equal(found_labels, labels)


@pytest.mark.parametrize(
    "members",
    [
        ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"),
        ("MNIST/raw/t10k-images-idx3-ubyte.gz", "MNIST/raw/t10k-labels-idx1-ubyte.gz"),
        (
            "t10k-images-idx3-ubyte/t10k-images.idx3-ubyte",
            "t10k-labels-idx1-ubyte/t10k-labels.idx1-ubyte",
        ),
    ],
)
@pytest.mark.parametrize("archive", ["archive.zip", "mnist/mnist.zip", "each"])
def test_mnist_is_read_from_zip_archives(archive, members, tmp_path, data):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "a_broken.zip").write_bytes(b"PK")
    for member, original in zip(members, ("t10k-images-idx3", "t10k-labels-idx1"), strict=True):
        packed = (data / "mnist" / f"{original}-ubyte.gz").read_bytes()
        path = tmp_path / (f"{original}-ubyte.zip" if archive == "each" else archive)
        with zipfile.ZipFile(path, "a") as file:
            file.writestr(f"__MACOSX/{member}", b"not it")
            file.writestr(member, packed if member.endswith(".gz") else gzip.decompress(packed))
    datasets_found = [datasets.mnist("test", tmp_path)]
    if archive != "each":
        datasets_found.append(datasets.mnist("test", tmp_path / archive))
    images, labels = datasets.mnist("test", data)
    for found, found_labels in datasets_found:
        assert np.array_equal(found, images)
        assert np.array_equal(found_labels, labels)


def test_of_several_archives_the_one_with_the_published_content_is_read(tmp_path, data):
    for name in ("fashion-mnist", "mnist"):
        with zipfile.ZipFile(tmp_path / f"{name}-images.zip", "w") as file:
            for part in ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"):
                file.write(data / name / part, part)
    assert np.array_equal(datasets.mnist("test", tmp_path)[0], datasets.mnist("test", data)[0])
    fashion = datasets.fashion_mnist("test", tmp_path)
    assert np.array_equal(fashion[0], datasets.fashion_mnist("test", data)[0])
    (tmp_path / "mnist-images.zip").unlink()
    with pytest.raises(FileFormatError, match=r"fashion-mnist-images\.zip is damaged or another version"):
        datasets.mnist("test", tmp_path)


def test_changed_or_cut_images_are_refused_in_every_layout(tmp_path, data):
    content = gzip.decompress((data / "mnist" / "t10k-labels-idx1-ubyte.gz").read_bytes())
    packed = (data / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes()
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(packed[:-1000])
    with pytest.raises(FileFormatError, match=r"t10k-images-idx3-ubyte\.gz is damaged"):
        datasets.mnist("test", tmp_path)
    (tmp_path / "t10k-images-idx3-ubyte.gz").write_bytes(packed)
    with pytest.raises(FileNotFoundError, match="needs the file t10k-labels-idx1-ubyte"):
        datasets.mnist("test", tmp_path)
    (tmp_path / "t10k-labels.idx1-ubyte").write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(FileFormatError, match=r"labels\.idx1-ubyte is damaged or another version"):
        datasets.mnist("test", tmp_path)
    (tmp_path / "fashion").mkdir()
    np.savez(tmp_path / "fashion" / "fashion-mnist.npz", x_test=np.zeros((3, 28, 28)))
    with pytest.raises(FileFormatError, match=r"fashion-mnist\.npz is damaged or another version"):
        datasets.fashion_mnist("test", tmp_path / "fashion")


def test_shd_is_read_where_its_files_are(tmp_path):
    (tmp_path / "shd").mkdir()
    with h5py.File(tmp_path / "shd" / "shd_test.h5", "w") as file:
        for name, kind in (("times", np.float16), ("units", np.uint16)):
            rows = file.create_dataset(f"spikes/{name}", 2, h5py.vlen_dtype(kind))
            rows[0], rows[1] = np.array([0.125, 0.25], kind), np.array([3], kind)
        file["labels"] = np.array([19, 4], np.uint16)
    samples, labels = datasets.shd("test", tmp_path)
    assert labels.tolist() == [19, 4]
    assert samples[0].times.tolist() == [125.0, 250.0]
    assert samples[1].units.tolist() == [3]
    with pytest.raises(FileNotFoundError, match="shd_train"):
        datasets.shd("train", tmp_path)


def recordings(path, times=(np.float16, [[0.5], [0.25]]), units=(np.uint16, [[3], [4]]), labels=(4, 19)):
    """Write a file like SHD's; each column is its type and its rows, or an array."""
    with h5py.File(path, "w") as file:
        for name, column in (("times", times), ("units", units)):
            if isinstance(column, np.ndarray):
                file[f"spikes/{name}"] = column
                continue
            rows = file.create_dataset(f"spikes/{name}", len(column[1]), h5py.vlen_dtype(column[0]))
            for k, row in enumerate(column[1]):
                rows[k] = np.array(row, column[0])
        file["labels"] = np.asarray(labels)
    return path


def test_ssc_has_a_validation_set_of_its_own(tmp_path):
    (tmp_path / "ssc").mkdir()
    recordings(tmp_path / "ssc" / "ssc_valid.h5", labels=(34, 0))
    samples, labels = datasets.ssc("validation", tmp_path)
    assert labels.tolist() == [34, 0]
    assert samples[0].times.tolist() == [500.0]
    with pytest.raises(FileNotFoundError, match="ssc_test"):
        datasets.ssc("test", tmp_path)
    with pytest.raises(ValueError, match="split must be 'train', 'validation' or 'test', got 'valid'"):
        datasets.ssc("valid", tmp_path)
    with pytest.raises(FileNotFoundError, match="ssc_train"):
        datasets.require("ssc", tmp_path)


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        ({"labels": [4, 19, 3]}, "times should be 3 rows of times"),
        ({"labels": [[4], [19]]}, "labels should be whole numbers in one row"),
        ({"labels": [0.5, 1.5]}, "labels should be whole numbers in one row"),
        ({"labels": [4, -1]}, "labels should be 0 or more, got -1"),
        ({"units": (np.uint16, [[3], [4, 5]])}, "recording 1 has 1 times and 2 units"),
        ({"units": (np.uint16, [[3]])}, "units should be 2 rows of whole numbers"),
        ({"units": (np.float32, [[3], [4]])}, "units should be 2 rows of whole numbers"),
        ({"units": (np.int16, [[3], [-4]])}, "a negative unit"),
        ({"times": (np.float16, [[np.nan], [1]])}, "a time that is no number"),
        ({"times": (np.int16, [[1], [1]])}, "times should be 2 rows of times"),
        ({"times": np.zeros((2, 3))}, "times should be rows of numbers"),
        ({"times": np.array([b"a", b"b"])}, "times should be rows of numbers"),
        ({"labels": [b"a", b"c"]}, "labels should be whole numbers"),
    ],
)
def test_recordings_with_odd_columns_are_refused(columns, match, tmp_path):
    with pytest.raises(FileFormatError, match=match):
        datasets.read_recordings(recordings(tmp_path / "a.h5", **columns))
    assert len(datasets.read_recordings(recordings(tmp_path / "b.h5"))[0]) == 2


def test_recordings_in_other_files_are_refused(tmp_path):
    recordings(tmp_path / "b.h5")
    with h5py.File(recordings(tmp_path / "a.h5"), "r+") as file:
        del file["labels"]
        file["labels"] = h5py.ExternalLink("b.h5", "/labels")
    with pytest.raises(FileFormatError, match="/labels is a link to another file"):
        datasets.read_recordings(tmp_path / "a.h5")
