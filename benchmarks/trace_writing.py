"""W5, trace output: ten million spikes (float64 time, 64-bit unit; 160 MB) into a file.

The spikes come in pieces, as a simulation hands them over. A figure counts 16 bytes a spike over the
time from creating the file to its being complete under its name, without waiting for the disk unless
said. "Appending" is the part of it that a run spends while it goes on; the rest is mostly the
rename, for which some file systems (ext4) start writing to the disk at once. Page cache speeds vary
from one minute to the next: only ratios within one run of this benchmark mean something.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from eventsim.scenarios.benchmark import Plan, Rows, Seconds

SECONDS = Seconds(10.0, 1.0)
N = 10_000_000
N_UNITS = 10_000
PIECE = 20_000


def run(plan: Plan) -> Rows:
    """Measure all systems in turn: median MB/s by the clock, and CPU seconds of the whole."""
    n = plan.pick(N, N // 10)
    rng = np.random.default_rng(1)
    times = np.sort(rng.uniform(0, 1000, n))
    units = rng.integers(0, N_UNITS, n)
    measured: dict[str, list[tuple[float, float]]] = {}
    writers = (ours, ours_durable, *((raw_file, h5py_chunks, h5py_at_end) if plan.peers else ()))
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(plan.repeats + 1):  # the first round warms up
            plan.announce(f"{n} spikes, {repeat + 1} of {plan.repeats + 1}")
            for write in writers:
                for path in Path(folder).iterdir():
                    path.unlink()
                before = time.process_time()
                found = write(Path(folder) / "spikes.h5", times, units)
                cpu = time.process_time() - before
                for system, seconds in found.items():
                    if repeat:
                        measured.setdefault(system, []).append((16e-6 * n / seconds, cpu))
    for system, pairs in measured.items():
        yield {
            "work": "W5 trace writing",
            "system": system,
            "n": n,
            "value": statistics.median(rate for rate, _ in pairs),
            "unit": "MB/s",
            "cpu_seconds": statistics.median(cpu for _, cpu in pairs),
        }


def ours(path: Path, times: np.ndarray, units: np.ndarray, durable: bool = False) -> dict[str, float]:
    from eventsim.io import TraceFile

    begin = time.perf_counter()
    file = TraceFile.create(path)
    file.add_population("x", N_UNITS)
    before = time.perf_counter()
    for k in range(0, len(times), PIECE):
        file.append_spikes("x", times[k : k + PIECE], units[k : k + PIECE])
    after = time.perf_counter()
    file.close(durable=durable)
    whole = time.perf_counter() - begin
    if durable:
        return {"eventsim, on the disk (fsync)": whole}
    return {"eventsim": whole, "eventsim, appending": after - before}


def ours_durable(path: Path, times: np.ndarray, units: np.ndarray) -> dict[str, float]:
    return ours(path, times, units, durable=True)


def raw_file(path: Path, times: np.ndarray, units: np.ndarray) -> dict[str, float]:
    begin = time.perf_counter()
    with path.open("wb", buffering=0) as file:
        for k in range(0, len(times), PIECE):
            file.write(times[k : k + PIECE].data)
            file.write(units[k : k + PIECE].data)
    return {"raw file": time.perf_counter() - begin}


def h5py_chunks(path: Path, times: np.ndarray, units: np.ndarray) -> dict[str, float]:
    """Resize and assign, in blocks of one chunk: the plain way to stream with h5py."""
    import h5py

    chunk = 65536
    begin = time.perf_counter()
    with h5py.File(path, "w") as file:
        for name, values in (("timestamps", times), ("node_ids", units)):
            file.create_dataset(name, (0,), values.dtype, maxshape=(None,), chunks=(chunk,))
        for k in range(0, len(times), chunk):
            for name, values in (("timestamps", times), ("node_ids", units)):
                end = min(k + chunk, len(values))
                file[name].resize((end,))
                file[name][k:end] = values[k:end]
    return {"h5py in chunks": time.perf_counter() - begin}


def h5py_at_end(path: Path, times: np.ndarray, units: np.ndarray) -> dict[str, float]:
    import h5py

    begin = time.perf_counter()
    with h5py.File(path, "w") as file:
        file.create_dataset("timestamps", data=times)
        file.create_dataset("node_ids", data=units)
    return {"h5py at the end": time.perf_counter() - begin}
