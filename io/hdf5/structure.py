"""Checks of a foreign file before anything in it is read: it refers to no other file, and its sizes are true.

HDF5 lets a file show the content of other files (external links, external storage, virtual datasets), declare
more elements than it stores, link one group under many names, and hold strings whose heap has no end. All of
this is refused here by name, so that reading takes time and memory in proportion to the size of the file.
"""

import math
from pathlib import Path

import h5py
from h5py import h5a, h5d, h5g, h5l, h5o, h5p, h5s, h5t, h5z

from eventsim.errors import FileFormatError
from eventsim.io.hdf5.attributes import MOST_STRINGS, check_attributes
from eventsim.io.hdf5.references import row_lengths
from eventsim.io.hdf5.strings import check_heaps

DEEPEST = 64
"""Most groups inside each other; a state of ours has about ten."""
COMPRESSION = 1100
"""Most bytes that one stored byte expands to; the limit of deflate is 1032."""
SMALL = 1 << 16
"""Bytes that a dataset may declare without storing them."""
LARGEST_CHUNK = 1 << 26
_PLAIN = h5t.TypeIntegerID, h5t.TypeFloatID, h5t.TypeStringID
"""Types whose elements hold no rows; strings of variable length are checked as strings."""
CHECKSUM = 4
"""Bytes that a check sum adds to a chunk before it is compressed."""


def check_structure(file: h5py.File, path: Path, own: tuple[str, ...] = ()) -> None:
    """Refuse a file that refers to other files or whose sizes cannot be true.

    Parameters
    ----------
    file : h5py.File
    path : Path
        For the messages, and to read the heaps of strings.
    own : tuple of str
        The groups in the root that will be read; in them every object has one name.

    Raises
    ------
    FileFormatError
    """
    size, base = path.stat().st_size, int(file.userblock_size)
    check_heaps(path)
    root = h5g.open(file.id, b"/")
    names: dict[int, str] = {h5o.get_info(root).addr: "/"}
    soft: list[tuple[h5g.GroupID, bytes, str]] = []
    strings = _check_attributes(root, "the root", path, size)
    groups = [(root, "", 0)]
    while groups:
        group, where, depth = groups.pop()
        if depth > DEEPEST:
            raise FileFormatError(f"{path}: groups are nested more than {DEEPEST} deep at {where[:80]}...")
        links: list[tuple[bytes, int, int]] = []
        group.links.iterate(
            lambda name, info, links=links: links.append((name, info.type, info.u)), info=True
        )
        for name, kind, address in links:
            place = f"{where}/{name.decode('utf-8', 'replace')}"
            if kind == h5l.TYPE_SOFT:
                soft.append((group, name, place))
                continue
            if kind != h5l.TYPE_HARD:
                raise FileFormatError(f"{path}: {place} is a link to another file; such files are not read")
            if address in names:
                if place.split("/")[1] in own:
                    raise FileFormatError(f"{path}: {place} and {names[address]} are one object")
                continue
            names[address] = place
            thing = h5o.open(group, name)
            strings |= _check_attributes(thing, place, path, size)
            if isinstance(thing, h5g.GroupID):
                groups.append((thing, place, depth + 1))
            elif isinstance(thing, h5d.DatasetID):
                _check_dataset(thing, place, path, size, base)
    check_attributes(path, strings, names, base)
    _check_soft_links(soft, own, path)


def _check_soft_links(soft: list[tuple[h5g.GroupID, bytes, str]], own: tuple[str, ...], path: Path) -> None:
    """Let a soft link in our groups lead to a dataset to which no other leads; none leaves the file."""
    targets: dict[int, str] = {}
    for group, name, place in soft:
        if place.split("/")[1] not in own:
            continue
        try:
            thing = h5o.open(group, name)
        except (KeyError, OSError, RuntimeError):
            raise FileFormatError(f"{path}: the link {place} leads nowhere") from None
        address = h5o.get_info(thing).addr
        if not isinstance(thing, h5d.DatasetID):
            raise FileFormatError(f"{path}: the link {place} does not lead to a dataset")
        if address in targets:
            raise FileFormatError(f"{path}: {place} and {targets[address]} are one object")
        targets[address] = place


def _check_dataset(dataset: h5d.DatasetID, place: str, path: Path, size: int, base: int) -> None:
    properties = dataset.get_create_plist()
    if properties.get_external_count():
        raise FileFormatError(f"{path}: {place} is stored in another file; such files are not read")
    layout = properties.get_layout()
    if layout == h5d.VIRTUAL:
        raise FileFormatError(f"{path}: {place} is a virtual dataset of other files; such files are not read")
    kind = dataset.get_type()
    _check_rows(kind, place, path)
    itemsize = kind.get_size()
    declared = _n_elements(dataset.get_space()) * itemsize
    if layout == h5d.CHUNKED:
        chunk = math.prod((itemsize, *map(int, properties.get_chunk())))
        if chunk > max(LARGEST_CHUNK, declared):
            raise FileFormatError(f"{path} is damaged: chunks of {place} declare {chunk} bytes")
        if size <= LARGEST_CHUNK:  # else so many that looking at each takes time
            largest = _largest_chunk(dataset)
            if largest > size:
                raise FileFormatError(f"{path} is damaged: a chunk of {place} has {largest} bytes")
        _check_filters(properties, chunk, place, path)
        _check_szip(dataset, properties, chunk, place, path)
    if _is_of_rows(kind):
        element = kind.get_super().get_size() if isinstance(kind, h5t.TypeVlenID) else 1
        if int(row_lengths(dataset, path, base).sum()) * element > size:
            what = "rows" if isinstance(kind, h5t.TypeVlenID) else "strings"
            raise FileFormatError(f"{path} is damaged: the {what} of {place} are longer than the file")
    if layout == h5d.COMPACT or declared <= SMALL:
        return
    stored = dataset.get_storage_size()
    factor = COMPRESSION if layout == h5d.CHUNKED and properties.get_nfilters() else 1
    if stored > size or declared > stored * factor:
        raise FileFormatError(
            f"{path} is damaged: {place} declares {declared} bytes, but {min(stored, size)} are stored"
        )


def _largest_chunk(dataset: h5d.DatasetID) -> int:
    """Return how many bytes the largest chunk says it has in the file."""
    sizes = [0]
    dataset.chunk_iter(lambda info: sizes.append(info.size))
    return max(sizes)


def _check_filters(properties: h5p.PropDCID, chunk: int, place: str, path: Path) -> None:
    """Refuse filters that claim to make more of a chunk than it holds: the library reserves what they say."""
    for k in range(properties.get_nfilters()):
        code, _, values, _ = properties.get_filter(k)
        claimed = 0
        if code in (h5z.FILTER_NBIT, h5z.FILTER_SCALEOFFSET) and len(values) > 4:
            claimed = values[2] * values[4]  # elements, and their size
        elif code == h5z.FILTER_LZF and len(values) > 2:
            claimed = values[2]
        if claimed > chunk:
            raise FileFormatError(f"{path} is damaged: a filter of {place} declares {claimed} bytes a chunk")


def _check_szip(dataset: h5d.DatasetID, properties: h5p.PropDCID, chunk: int, place: str, path: Path) -> None:
    """Refuse chunks of szip that claim more than a chunk: the library reserves what their first bytes say.

    Only a check sum may follow, behind the chunk; what is packed once more cannot be looked into.
    """
    codes = [properties.get_filter(k)[0] for k in range(properties.get_nfilters())]
    if h5z.FILTER_SZIP not in codes:
        return
    at = codes.index(h5z.FILTER_SZIP)
    if set(codes[at + 1 :]) - {h5z.FILTER_FLETCHER32}:
        raise FileFormatError(f"{path}: {place} is packed again after szip, which is not read")
    places: list[int] = []
    dataset.chunk_iter(lambda info: None if info.filter_mask >> at & 1 else places.append(info.byte_offset))
    with path.open("rb") as stream:
        for start in places:
            stream.seek(start)
            claimed = int.from_bytes(stream.read(4), "little")
            if claimed > chunk + CHECKSUM:
                raise FileFormatError(f"{path} is damaged: a chunk of {place} declares {claimed} bytes")


def _is_of_rows(kind: h5t.TypeID) -> bool:
    """Return whether elements are rows or strings of variable length."""
    return isinstance(kind, h5t.TypeVlenID) or (isinstance(kind, h5t.TypeStringID) and kind.is_variable_str())


def _check_rows(kind: h5t.TypeID, place: str, path: Path) -> None:
    """Refuse rows that are neither sequences nor strings, over which the library ends the process.

    Section IV.A.2.d, class 9: the first four bits say which. Two bytes of the library's own come before.
    Refuse rows within rows and within records too, whose lengths are not checked.
    """
    if isinstance(kind, _PLAIN):
        return
    if isinstance(kind, h5t.TypeVlenID) and kind.encode()[3] & 15 > 1:
        raise FileFormatError(f"{path} is damaged: {place} has rows that are neither sequences nor strings")
    if not _is_of_rows(kind) and kind.detect_class(h5t.VLEN):
        raise FileFormatError(f"{path}: {place} has records with rows of variable length, which are not read")
    if isinstance(kind, h5t.TypeVlenID):
        below = kind.get_super()
        if _is_of_rows(below) or below.detect_class(h5t.VLEN):
            raise FileFormatError(f"{path}: {place} has rows within rows, which are not read")


def _check_attributes(
    thing: h5g.GroupID | h5d.DatasetID | h5t.TypeID, place: str, path: Path, size: int
) -> set[bytes]:
    """Return the names of the attributes that are strings."""
    names = set()
    for k in range(h5a.get_num_attrs(thing)):
        attribute = h5a.open(thing, index=k)
        n, kind = _n_elements(attribute.get_space()), attribute.get_type()
        if not isinstance(kind, _PLAIN):
            _check_rows(kind, f"an attribute of {place}", path)
        strings = _is_of_rows(kind)
        if n * kind.get_size() > size or (strings and n > MOST_STRINGS):
            raise FileFormatError(
                f"{path}: an attribute of {place} declares {n} elements, too many for the file"
            )
        if strings:
            names.add(attribute.name)
    return names


def _n_elements(space: h5s.SpaceID) -> int:
    if space.get_simple_extent_type() == h5s.NULL:
        return 0
    return math.prod(map(int, space.get_simple_extent_dims()))  # Python's integers do not overflow
