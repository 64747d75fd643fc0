"""Published files on the user's disk: where they are looked for, and whether they are unchanged."""

import hashlib
import os
from pathlib import Path

from eventsim.errors import FileFormatError

ORIGINS = {
    "mnist": "yann.lecun.com/exdb/mnist",
    "fashion-mnist": "github.com/zalandoresearch/fashion-mnist",
    "mnist1d": "github.com/greydanus/mnist1d",
    "yin-yang": "github.com/lkriener/yin_yang_data_set",
    "nmnist-small": "github.com/bamsumit/slayerPytorch",
    "fsdd": "github.com/Jakobovski/free-spoken-digit-dataset",
    "shd": "zenkelab.org/resources/spiking-heidelberg-datasets-shd",
    "braille": "doi.org/10.5281/zenodo.6556273",
    "mackey-glass": "github.com/NeuroBench/neurobench",
}
"""Where each folder's set is published."""

SHA256 = {
    "mnist": {
        "t10k-images-idx3-ubyte.gz": "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        "t10k-labels-idx1-ubyte.gz": "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        "train-images-idx3-ubyte.gz": "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        "train-labels-idx1-ubyte.gz": "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    },
    "fashion-mnist": {
        "t10k-images-idx3-ubyte.gz": "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "t10k-labels-idx1-ubyte.gz": "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        "train-images-idx3-ubyte.gz": "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "train-labels-idx1-ubyte.gz": "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    },
    "mnist1d": {
        "mnist1d.npz": "74d660a189f5648d4dc952223141022f79062e2c84bf498e782bd997c5e97b7f",
    },
    "yin-yang": {
        "test_labels.npy": "b4337aa983ea3928d1d8ee78268e8e266ede6ca3a401ade7b02eb47c9d90be93",
        "test_samples.npy": "1559e64b45a5e28df8a9d1158d891383d5745b0af2edbbca31ca4e2faeb95b4c",
        "train_labels.npy": "d38863599b41c3d67d5e606b21c3ea10f7956758471e946adcb120c4e5ae31c9",
        "train_samples.npy": "88ce43d8e7620b4dcd0712a582882325e609183eb71f2368cce8e87930e122d5",
        "validation_labels.npy": "abd956deb8e62f528a271d323c7498e6d331cd261f143b539b1219d274936008",
        "validation_samples.npy": "88f7e23daf578da390fe3ca10370d38fdb6060a08249ecb1be832e3e6cce75d3",
    },
    "nmnist-small": {
        "nmnist_small.npz": "1a8fd0eedf077f4153ed6e111d62474225d9a517a9884db8c2ef0b68fe467d91",
    },
    "fsdd": {
        "fsdd.npz": "d23c03645d243fd42cd9cc52e47f14994c140946ad366b961301105cb4693d3a",
        "fsdd_spikes_test.h5": "bdce8e0690f150b25b0d8bbf0cf97caa205a44265262c175013d817155dbec8b",
        "fsdd_spikes_train.h5": "60b468a0da08a785078c60616fc87b0398b92edba29216b69c0110fb9a180f08",
    },
    "braille": {
        "braille_taxels.npz": "3e9798430c9327bcc90e03d2fc353147d8dbd5f54d70415599746052ff72fc5d",
    },
    "mackey-glass": {
        "mackey_glass_parameters.csv": "2ab10849922b1cb0a176470278b0e281499fb75e3be00996b02f3857aa34bf8c",
    },
}
"""The sum of each file; those in containers of their own (.npz) hold the published values."""

_verdicts: dict[tuple[str, int, int], str] = {}


def find(name: str, data: str | os.PathLike[str] | None = None) -> Path:
    """Return the path of a published file, checked against its sum if that is known (all but SHD).

    Parameters
    ----------
    name : str
        Folder and file, such as ``mnist/train-images-idx3-ubyte.gz``.
    data : path, optional
        The folder of the data sets, or that of this set; default the environment variable
        ``EVENTSIM_DATA``.

    Raises
    ------
    FileNotFoundError
        Saying which file, where it was looked for, and where the set is published.
    FileFormatError
        If its sum is another.
    """
    folder, file = name.split("/")
    given = os.environ.get("EVENTSIM_DATA") if data is None else data
    wanted = f"data set {folder!r} (published at {ORIGINS[folder]}) needs the file {file}"
    if not given:
        raise FileNotFoundError(
            f"{wanted}, but no folder of data sets is known; name it with --data, data= or EVENTSIM_DATA"
        )
    root = Path(given)
    for path in (root / folder / file, root / file):
        if path.is_file():
            if folder in SHA256:
                _check(path, SHA256[folder][file], ORIGINS[folder])
            return path
    raise FileNotFoundError(f"{wanted}, which is not in {root / folder} nor in {root}")


def _check(path: Path, expected: str, origin: str) -> None:
    """Refuse a file whose sum is not the expected one; the sum is taken once a process."""
    status = path.stat()
    key = (str(path.resolve()), status.st_mtime_ns, status.st_size)
    if key not in _verdicts:
        with path.open("rb") as stream:
            _verdicts[key] = hashlib.file_digest(stream, "sha256").hexdigest()
    if _verdicts[key] != expected:
        raise FileFormatError(
            f"{path} is damaged or another version: its sha256 is {_verdicts[key][:12]}..., that of the set "
            f"is {expected[:12]}...; get it again from {origin}"
        )
