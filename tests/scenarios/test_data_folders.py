"""A named folder of data sets holds the set, or the run is refused; else other data may be used."""

import pytest

from eventsim import io
from eventsim.scenarios import cli

RUNS = (
    ("fast-and-deep", "dataset=mnist", "mnist", "t10k-images-idx3-ubyte"),
    ("fast-and-deep", "dataset=mnist-16x16", "mnist", "t10k-images-idx3-ubyte"),
    ("spoken-digits", "dataset=fsdd-spikes", "fsdd", "fsdd_spikes_train.h5"),
    ("spoken-digits", "dataset=shd", "shd", "shd_train.h5"),
    ("neurobench", "task=few-shot", "fsdd", "fsdd_spikes_train.h5"),
    ("neurobench", "--preset=few-shot-mswc", "MSWC", "base_train.csv"),
    ("neurobench", "--preset=primate-reaching", "primate-reaching", "indy_20160622_01.mat"),
    ("temporal-hierarchy", "--preset=shd", "shd", "shd_train.h5"),
    ("temporal-hierarchy", "--preset=ssc", "ssc", "ssc_train.h5"),
    ("temporal-hierarchy", "--preset=smnist", "mnist", "t10k-images-idx3-ubyte"),
    ("temporal-hierarchy", "--preset=fsdd", "fsdd", "fsdd_spikes_train.h5"),
    ("latent-equilibrium", "task=mnist", "mnist", "t10k-images-idx3-ubyte"),
    ("latent-equilibrium", "task=fashion-mnist", "fashion-mnist", "t10k-images-idx3-ubyte"),
    ("generalized-latent-equilibrium", "task=mnist-1d", "mnist1d", "mnist1d.npz"),
    ("generalized-latent-equilibrium", "task=spoken-digits", "fsdd", "fsdd.npz"),
)


@pytest.mark.parametrize("by_option", [True, False])
@pytest.mark.parametrize(("scenario", "setting", "data_set", "file"), RUNS)
def test_a_named_folder_without_the_set_is_refused_before_anything_is_written(
    scenario, setting, data_set, file, by_option, tmp_path, monkeypatch, capsys
):
    (tmp_path / "data").mkdir()
    (tmp_path / "out").mkdir()
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    words = ["run", scenario, setting, "-o", str(tmp_path / "out" / "a.h5")]
    if by_option:
        words += ["--data", str(tmp_path / "data")]
    else:
        monkeypatch.setenv("EVENTSIM_DATA", str(tmp_path / "data"))
    assert cli.main(words) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert f"data set {data_set!r}" in told
    assert file in told
    assert str(tmp_path / "data") in told
    assert not list((tmp_path / "out").iterdir())


def test_the_file_records_which_data_were_used(tmp_path, monkeypatch):
    monkeypatch.delenv("EVENTSIM_DATA", raising=False)
    words = ["run", "fast-and-deep", "dataset=mnist", "n_hidden=4", "epochs=0", "--quiet"]
    assert cli.main([*words, "-o", str(tmp_path / "a.h5")]) == 0
    provenance = io.load(tmp_path / "a.h5", recordings=False).provenance
    assert provenance["dataset"] == provenance["replacement_data"] == "the 8x8 digits"
