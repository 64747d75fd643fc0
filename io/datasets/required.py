"""Whether the files of a data set are there, before anything is done with them."""

from collections.abc import Callable
from functools import partial

from eventsim.errors import UnknownPart
from eventsim.io.datasets.files import Folder, PublishedSet
from eventsim.io.datasets.sets import (
    braille,
    cifar10,
    fsdd,
    mackey_glass,
    mnist,
    mnist1d,
    mswc,
    nmnist,
    primate_reaching,
    shd,
)


def require(name: str, data: Folder = None) -> None:
    """Check that all files of a data set are there; they are not read.

    Parameters
    ----------
    name : str
        Such as "mnist", "fashion-mnist", "mnist-1d", "fsdd", "fsdd-spikes", "shd".
    data : path, optional
        The folder of the data sets, as for the functions that read them.

    Raises
    ------
    UnknownPart
        If there is no such data set.
    FileNotFoundError
        If a file is missing; the message names it.
    """
    if name not in _SEARCHES:
        raise UnknownPart(f"no data set named {name!r}; known: {', '.join(_SEARCHES)}")
    for search in _SEARCHES[name]:
        search(data)


def _files(published: PublishedSet, *files: str) -> list[Callable[[Folder], object]]:
    return [partial(published.search, file) for file in files]


def _images(published: PublishedSet) -> list[Callable[[Folder], object]]:
    return [partial(mnist.search, published, file) for file in published.sha256]


_SEARCHES: dict[str, list[Callable[[Folder], object]]] = {
    "mnist": _images(mnist.MNIST),
    "fashion-mnist": _images(mnist.FASHION_MNIST),
    "cifar-10": [cifar10.search],
    "mnist-1d": _files(mnist1d.MNIST1D, "mnist1d.npz"),
    "fsdd": _files(fsdd.FSDD, "fsdd.npz"),
    "fsdd-spikes": _files(fsdd.FSDD, "fsdd_spikes_train.h5", "fsdd_spikes_test.h5"),
    "shd": _files(shd.SHD, "shd_train.h5", "shd_test.h5"),
    "ssc": _files(shd.SSC, *shd.SSC_FILES.values()),
    "nmnist-small": _files(nmnist.NMNIST_SMALL, "nmnist_small.npz"),
    "mswc": _files(mswc.MSWC, "base_train.csv", "base_test.csv"),
    "primate-reaching": _files(
        primate_reaching.PRIMATE_REACHING, *(f"{name}.mat" for name in primate_reaching.SESSIONS)
    ),
    "braille": _files(braille.BRAILLE, "braille_taxels.npz"),
    "mackey-glass": _files(mackey_glass.MACKEY_GLASS, "mackey_glass_parameters.csv"),
}
