"""Sessions of primate reaching, from small files in the published layout."""

import h5py
import numpy as np
import pytest

from eventsim.errors import FileFormatError
from eventsim.io import datasets

SESSION = "indy_20160622_01"


def write(path, n=40, steps_of_position=40):
    rng = np.random.default_rng(0)
    t = 5 + 0.004 * np.arange(n)
    spikes = [[np.sort(rng.uniform(4.9, 5.2, 9)) for _ in range(3)] for _ in range(2)]
    position = rng.normal(size=(2, steps_of_position))
    target = np.zeros((2, n))
    target[0, 13:], target[1, 30:] = 1, 2
    with h5py.File(path, "w") as file:
        file["t"], file["cursor_pos"], file["target_pos"] = t[None], position, target
        table = file.create_dataset("spikes", (2, 3), dtype=h5py.ref_dtype)
        for unit in range(2):
            for channel in range(3):
                file[f"refs/{unit}{channel}"] = spikes[unit][channel][None]
                table[unit, channel] = file[f"refs/{unit}{channel}"].ref
    return t, spikes, position


def test_a_session_is_counted_in_windows(tmp_path):
    t, spikes, position = write(tmp_path / f"{SESSION}.mat")
    counts, velocities, reaches = datasets.primate_reaching(SESSION, tmp_path)
    for k, now in enumerate(t):
        for channel in range(3):
            own = np.concatenate([unit[channel] for unit in spikes])
            # The package's bins begin 28 ms before the first step, so that the first window has six.
            bins = [now - 0.004 * (8 - j) for j in range(0 if k else 1, 7)]
            expected = sum(bool(((own >= low) & (own < low + 0.004)).any()) for low in bins)
            assert counts[k, channel] == expected
    assert counts.any()
    np.testing.assert_allclose(velocities[1:-1], (position[:, 2:] - position[:, :-2]).T / 2)
    assert reaches.tolist() == [0, 12, 29]


def test_what_is_missing_or_wrong_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"zenodo.583331\) needs the file {SESSION}.mat"):
        datasets.primate_reaching(SESSION, tmp_path)
    with pytest.raises(ValueError, match="session must be one of indy_20160622_01"):
        datasets.primate_reaching("indy", tmp_path)
    (tmp_path / f"{SESSION}.mat").write_bytes(b"no file")
    with pytest.raises(FileFormatError, match="no session in the layout of primate reaching"):
        datasets.primate_reaching(SESSION, tmp_path)
    write(tmp_path / f"{SESSION}.mat", steps_of_position=30)
    with pytest.raises(FileFormatError, match=r"shape \(2, 40\), that of t, got \(2, 30\)"):
        datasets.primate_reaching(SESSION, tmp_path)
