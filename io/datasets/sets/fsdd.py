"""The Free Spoken Digit Dataset, as audio and as spikes of 700 channels."""

import numpy as np
from numpy.typing import NDArray

from eventsim.hints import hinting
from eventsim.io.datasets.files import Folder, PublishedSet, check_split
from eventsim.io.datasets.sets.shd import read_recordings
from eventsim.trace import Ints, Spikes

FSDD = PublishedSet(
    "fsdd",
    "github.com/Jakobovski/free-spoken-digit-dataset",
    {
        "fsdd.npz": "d23c03645d243fd42cd9cc52e47f14994c140946ad366b961301105cb4693d3a",
        "fsdd_spikes_test.h5": "bdce8e0690f150b25b0d8bbf0cf97caa205a44265262c175013d817155dbec8b",
        "fsdd_spikes_train.h5": "60b468a0da08a785078c60616fc87b0398b92edba29216b69c0110fb9a180f08",
    },
)


@hinting
def fsdd(
    split: str = "train", data: Folder = None, speaker: str | None = None
) -> tuple[list[NDArray[np.int16]], Ints]:
    """Read the Free Spoken Digit Dataset: recordings (8 kHz, int16, of differing length), digits.

    Parameters
    ----------
    split : {"train", "test"}
        The official split (2700 and 300). With `speaker`, the test set has all her recordings, and the
        training set those of all others.
    speaker : str, optional
        Name of the speaker held out for testing.
    """
    check_split(split)
    with FSDD.arrays("fsdd.npz", data) as file:
        if speaker is None:
            test = file["index"] < 5
        else:
            names = [str(name) for name in file["speaker_names"]]
            if speaker not in names:
                raise ValueError(f"no speaker {speaker!r} in FSDD; speakers: {', '.join(names)}")
            test = file["speaker"] == names.index(speaker)
        chosen = np.flatnonzero(test if split == "test" else ~test)
        audio, offsets = file["audio"], file["offsets"]
        return [audio[offsets[k] : offsets[k + 1]] for k in chosen], file["labels"][chosen].astype(np.int64)


@hinting
def fsdd_spikes(split: str = "train", data: Folder = None) -> tuple[list[Spikes], Ints]:
    """Read the spoken digits as spikes of 700 channels; times in ms. These are not SHD."""
    return read_recordings(FSDD.path(f"fsdd_spikes_{check_split(split)}.h5", data))
