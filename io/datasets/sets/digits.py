"""The small digits of scikit-learn, 8 x 8 pixels."""

import numpy as np
from numpy.typing import NDArray

from eventsim.io.datasets.files import check_split
from eventsim.trace import Ints


def digits(split: str = "train") -> tuple[NDArray[np.uint8], Ints]:
    """Return scikit-learn's small digits: images (n, 8, 8) uint8 from 0 to 16, labels 0..9.

    The set has no published split; here every fifth image of each class is a test image.

    Raises
    ------
    ImportError
        If scikit-learn is not installed.
    """
    check_split(split)
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise ImportError("the digits come with scikit-learn; pip install scikit-learn") from None
    bunch = load_digits()
    occurrences = bunch.target[:, None] == np.arange(10)
    test = occurrences.cumsum(axis=0)[occurrences] % 5 == 0
    chosen = test if split == "test" else ~test
    return bunch.images[chosen].astype(np.uint8), bunch.target[chosen].astype(np.int64)
