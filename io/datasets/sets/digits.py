"""Small handwritten digits of 8 x 8 pixels, which come with eventsim.

They are the test set of the Optical Recognition of Handwritten Digits (Alpaydin, Kaynak 1998, UCI Machine
Learning Repository, doi.org/10.24432/C50P49, CC BY 4.0), in the order in which scikit-learn has them.
"""

from importlib import resources

import numpy as np
from numpy.typing import NDArray

from eventsim.hints import hinting
from eventsim.io.datasets.files import check_split
from eventsim.trace import Ints


@hinting
def digits(split: str = "train") -> tuple[NDArray[np.uint8], Ints]:
    """Return small handwritten digits.

    Parameters
    ----------
    split : {"train", "test"}
        The set has no published split; here every fifth image of each class is a test image.

    Returns
    -------
    images : ndarray, shape (n, 8, 8), uint8
        From 0 to 16, 0 is background.
    labels : ndarray, shape (n,)
        0 to 9.

    Raises
    ------
    ValueError
        If `split` is none of these.
    """
    check_split(split)
    with (
        resources.files("eventsim.io.datasets.sets").joinpath("digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as arrays,
    ):
        images, labels = arrays["images"], arrays["labels"]
    occurrences = labels[:, None] == np.arange(10)
    test = occurrences.cumsum(axis=0)[occurrences] % 5 == 0
    chosen = test if split == "test" else ~test
    return images[chosen], labels[chosen].astype(np.int64)
