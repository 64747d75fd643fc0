"""The kinds of files: how a good one is made, which ways it is damaged, how it is read."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from damage import originals
from damage.content import changed_array, changed_bytes, changed_in_gzip, changed_in_zip
from damage.originals import Files
from damage.structures import changed_structure
from damage.texts import changed_text
from damage.trees import changed_declaration, changed_json, changed_state

__all__ = ["KINDS", "Kind"]

Change = Callable[[bytes, random.Random, Path], bytes]
HDF5: dict[Change, int] = {changed_bytes: 6, changed_structure: 4}
TEXT: dict[Change, int] = {changed_text: 7, changed_bytes: 3}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file.

    Attributes
    ----------
    write : makes a good file in a folder.
    reader : name in `damage.readers.READERS`.
    ways : how often each way of damage is taken, relative to the others.
    needs : package without which the kind is left out.
    """

    write: Callable[[Path], Files]
    reader: str
    ways: Mapping[Change, int]
    needs: str = ""

    def changed(self, content: bytes, rng: random.Random, scratch: Path) -> bytes:
        """Return the content of a damaged file."""
        way = rng.choices(list(self.ways), list(self.ways.values()))[0]
        return way(content, rng, scratch)


KINDS = {
    "run": Kind(originals.run, "run", HDF5 | {changed_state: 2}),
    "scenario": Kind(originals.scenario, "run", HDF5 | {changed_state: 2}),
    "streamed": Kind(originals.streamed, "streamed", HDF5),
    "network": Kind(originals.network, "network", HDF5 | {changed_declaration: 6}),
    "classifier": Kind(originals.classifier, "classifier", HDF5 | {changed_state: 6}),
    "estimator": Kind(originals.estimator, "estimator", HDF5 | {changed_state: 6}),
    "calibration": Kind(originals.calibration, "calibration", TEXT),
    "configuration": Kind(originals.configuration, "configuration", TEXT),
    "points": Kind(originals.points, "points", TEXT),
    "sweep": Kind(originals.sweep, "sweep", TEXT | {changed_json: 6}),
    "csv-spikes": Kind(originals.spikes_csv, "csv", TEXT),
    "sonata-spikes": Kind(originals.sonata_spikes, "trace", HDF5),
    "sonata-reports": Kind(originals.sonata_reports, "trace", HDF5),
    "nodes": Kind(originals.nodes, "network", HDF5),
    "edges": Kind(originals.edges, "network", HDF5),
    "node-types": Kind(originals.node_types, "network", TEXT),
    "edge-types": Kind(originals.edge_types, "network", TEXT),
    "circuit": Kind(originals.circuit, "network", TEXT | {changed_json: 6}),
    "nir": Kind(originals.nir, "network", HDF5, "nir"),
    "nwb": Kind(originals.nwb, "trace", HDF5, "pynwb"),
    "neo": Kind(originals.neo, "neo", {changed_json: 8, changed_text: 2}, "neo"),
    "labelled": Kind(originals.labelled, "recordings", HDF5),
    "labelled-packed": Kind(originals.packed, "recordings", HDF5),
    "reaching": Kind(originals.session, "session", HDF5),
    "idx": Kind(originals.idx, "idx", {changed_bytes: 3, changed_in_gzip: 7}),
    "keras": Kind(originals.keras, "keras", {changed_bytes: 3, changed_in_zip: 7}),
    "cifar10": Kind(originals.images, "images", {changed_bytes: 1}),
    "wav": Kind(originals.sound, "sound", {changed_bytes: 1}),
    "events": Kind(originals.events, "events", {changed_bytes: 1}),
    "boxes": Kind(originals.boxes, "boxes", {changed_array: 1}),
    "piano-roll": Kind(originals.piano_roll, "pattern", {changed_array: 1}),
    "spike-trains": Kind(originals.trains, "pattern", {changed_bytes: 3, changed_in_zip: 7}),
    "midi": Kind(originals.midi, "pattern", {changed_bytes: 1}, "mido"),
}
"""By name, in the order of the table in docs/files.md."""
