"""An export that cannot be finished leaves nothing half written, and what was there before stays."""

import subprocess
import sys

import numpy as np
import pytest

import eventsim as es
from eventsim.io.export.whole_files import whole

FULL = """
import resource, sys
import numpy as np
import eventsim as es
rng = np.random.default_rng(1)
spikes = es.trace.Spikes(np.sort(rng.uniform(0, 100, 20000)), rng.integers(0, 9, 20000))
trace = es.trace.Trace(sizes={"cells": 9}, spikes={"cells": spikes}, duration=100.0)
resource.setrlimit(resource.RLIMIT_FSIZE, (50000, resource.RLIM_INFINITY))
try:
    getattr(es.io.export, sys.argv[1])(trace, sys.argv[2])
except OSError as error:
    print(error)
"""


@pytest.mark.parametrize(("function", "file"), [("to_csv", "spikes.csv"), ("to_sonata", "spikes.h5")])
def test_a_file_that_cannot_be_finished_leaves_the_one_before(tmp_path, function, file):
    (tmp_path / file).write_bytes(b"before")
    words = [sys.executable, "-P", "-c", FULL, function, str(tmp_path)]
    out = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert out.stdout == f"cannot write {tmp_path / file}: File too large\n"
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [(file, b"before")]


def test_errors_keep_their_class_and_those_of_others_their_words(tmp_path):
    def failing(error):
        with whole(tmp_path / "a.csv") as new:
            new.write_text("half")
            raise error

    with pytest.raises(PermissionError, match=r"^cannot write \S+a.csv: Permission denied$"):
        failing(PermissionError(13, "Permission denied", "somewhere"))
    with pytest.raises(es.errors.FileFormatError, match="its own words"):
        failing(es.errors.FileFormatError("its own words"))
    with pytest.raises(KeyboardInterrupt):
        failing(KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_again_is_replaced(tmp_path):
    trace = es.trace.Trace(sizes={"x": 2}, spikes={"x": es.trace.Spikes(np.array([1.0]), np.array([1]))})
    for _ in range(2):
        (path,) = es.io.export.to_csv(trace, tmp_path)
        assert path.read_text().splitlines()[1] == "x,1,1.0"
    assert [each.name for each in tmp_path.iterdir()] == ["spikes.csv"]
