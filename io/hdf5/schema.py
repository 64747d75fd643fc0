"""The file's layout in one place: names, types, units, version.

==============================================  ========  ==================================================
place                                           type      what
==============================================  ========  ==================================================
``/`` attributes ``magic``, ``version``         u4        marks of a SONATA file
``/spikes/<population>``                                  attribute ``sorting``, an enum: always ``by_time``
``/spikes/<population>/timestamps``             f8 (n)    spike times
``/spikes/<population>/node_ids``               u8 (n)    units, from 0 within the population
``/report/<population>/data``                   f4 (t,u)  first sampled variable, rounded, for other tools
``/report/<population>.<variable>/data``        f4 (t,u)  further variables of the same population
``/report/.../mapping``                                   which units and times the columns and rows are
``/eventsim``                                             attributes ``format_version``, ``time_unit``,
                                                          ``duration``, ``complete``
``/eventsim/config``                            string    the configuration as TOML
``/eventsim/populations/<population>``          i8        number of units; attribute ``index``
``/eventsim/samples/<population>/<variable>``             ``times`` f8 (t), ``values`` f8 (t,u) exact,
                                                          ``units`` i8 (u); attribute ``every``
``/eventsim/parameters/<name>``                 any       arrays; a ``/`` in a name makes a group;
                                                          ``offsets/<source>``: f8, when its samples begin
``/eventsim/training/<series>``                 any       first axis is the epoch
``/eventsim/metrics``                           f8        attributes: numbers by name
``/eventsim/provenance``                        any       attributes: scenario, seed, version and the like
``/eventsim/state``                                       nested groups, from which a run resumes
``/eventsim/network/text``                      string    the network as JSON, without its arrays
``/eventsim/network/arrays/<dtype>``            any (n)   the elements of all arrays of a type
==============================================  ========  ==================================================

All times are in the network's time unit, to the bit; their attribute ``units`` names it. SONATA
readers require the attribute but ignore its value and expect milliseconds, so they read the numbers
of a network in another unit unchanged. Negative times are kept, although SONATA has none. Samples at
events (``every`` = 0) have no report, because the frames of a report lie on a grid.

Nothing is compressed, and HDF5 1.10 reads everything: the published SONATA readers have no
compression filters and need such files.
"""

import numpy as np

FORMAT_VERSION = 1
SONATA_MAGIC = 0x0A7A
SONATA_VERSION = (0, 1)
LIBVER = ("v108", "v110")
SORTING = {"none": 0, "by_id": 1, "by_time": 2}

TIME = np.dtype(np.float64)
NODE_ID = np.dtype(np.uint64)
FRAME = np.dtype(np.float32)
SAMPLE = np.dtype(np.float64)

ROOT = "eventsim"
ROOMS = ("populations", "samples", "parameters", "training", "metrics", "provenance", "state")
"""The groups in `ROOT`; every file has all of them."""
CHUNK = 65536
"""Elements of a chunk: 512 KiB of float64, the size at which writing was fastest."""


def encode_name(name: str) -> str:
    """Return `name` as the name of one HDF5 link, in which ``/`` and a single ``.`` are not allowed.

    >>> encode_name("input->hidden/0"), decode_name(encode_name("100 %/."))
    ('input->hidden%2F0', '100 %/.')
    """
    name = name.replace("%", "%25").replace("/", "%2F")
    return name.replace(".", "%2E") if name in (".", "..") else name or "%"


def decode_name(name: str) -> str:
    """Return the name that `encode_name` made a link name of."""
    return "" if name == "%" else name.replace("%2E", ".").replace("%2F", "/").replace("%25", "%")
