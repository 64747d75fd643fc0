"""A disk without space: one line, exit status 1, no signal, and the last checkpoint can be read."""

import contextlib
import errno
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from eventsim.io import TraceFile, load
from eventsim.io.hdf5 import workfile

WRITE = textwrap.dedent(
    """
    import sys
    import numpy as np
    from eventsim.io import TraceFile

    try:
        with TraceFile.create(sys.argv[1]) as file:
            file.add_population("x", 10)
            file.append_spikes("x", np.arange(1000.0), np.arange(1000) % 10)
            file.checkpoint()
            print("checkpoint", flush=True)
            for k in range(1, 100):
                file.append_spikes("x", np.arange(5_000) + 5_000.0 * k, np.arange(5_000) % 10)
                if k % 7 == 0:
                    file.checkpoint()
                    print("checkpoint", flush=True)
    except OSError as error:
        print(type(error).__name__, error.errno, error)
        sys.exit(1)
    """
)


@pytest.fixture
def disk(tmp_path):
    """Return a small disk of its own, 4 MB; needs the right to mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("may not mount a disk here")
    yield place
    subprocess.run(["umount", place], check=True)


def filled(disk, left):
    """Fill the disk but for `left` bytes."""
    ballast = disk / "ballast"
    ballast.unlink(missing_ok=True)
    space = os.statvfs(disk)
    with ballast.open("wb") as file, contextlib.suppress(OSError):
        file.write(bytes(max(space.f_bavail * space.f_frsize - left, 0)))


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_a_write_that_finds_no_space_keeps_the_last_checkpoint(disk):
    path = disk / "run.h5"
    n_failed = 0
    for left in (20_000, 150_000, 400_000, 1_000_003, 2_100_000):
        path.unlink(missing_ok=True)
        filled(disk, left)
        out = subprocess.run(
            [sys.executable, "-P", "-c", WRITE, path],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        said = out.stdout.splitlines()
        assert out.returncode == 1, (left, out)
        assert out.stderr == ""
        n_failed += 1
        kept = [line for line in said if line == "checkpoint"]
        assert said[len(kept) :] == [
            f"OSError {errno.ENOSPC} cannot {'write' if kept else 'begin'} {path}: No space left on device"
            + ("; the last checkpoint is kept" if kept else "")
        ]
        if kept:
            n = 1000 + 35_000 * (len(kept) - 1)
            assert len(load(path).spikes["x"].times) == n, left
        assert {item.name for item in disk.iterdir()} <= {"run.h5", "ballast"}
    assert n_failed == 5


@pytest.mark.skipif(sys.platform != "linux", reason="mounts a tmpfs")
def test_a_command_that_finds_no_space_says_so_and_exits_with_1(disk):
    path = disk / "run.h5"
    filled(disk, 60_000)
    command = [sys.executable, "-P", "-m", "eventsim.scenarios.cli", "run", "balanced-network"]
    out = subprocess.run(
        [*command, "--preset", "quick", "-o", path, "--quiet"],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert out.returncode == 1
    (line,) = out.stderr.splitlines()
    assert "No space left on device" in line


def test_no_space_at_any_moment_keeps_the_last_checkpoint(tmp_path, monkeypatch):
    """The same without a disk: the system says that there is no space when it is asked the n-th time."""
    n_asked = 0
    real = workfile.make_room

    def make_room(descriptor, size):
        nonlocal n_asked
        n_asked += 1
        if n_asked == when:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(descriptor, size)

    monkeypatch.setattr(workfile, "make_room", make_room)
    for when in range(1, 12):
        n_asked = n_kept = 0
        path = tmp_path / f"{when}.h5"
        with pytest.raises(OSError, match="No space left on device"):  # noqa: PT012, SIM117
            with TraceFile.create(path) as file:
                file.add_population("x", 10)
                for k in range(40):
                    file.append_spikes("x", np.arange(5_000) + 5_000.0 * k, np.arange(5_000) % 10)
                    file.checkpoint()
                    n_kept = 5_000 * (k + 1)
        if n_kept:
            assert len(load(path).spikes["x"].times) == n_kept
        assert not [item for item in tmp_path.iterdir() if item.suffix != ".h5"]
