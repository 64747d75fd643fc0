"""Record the results that a refactoring must not change, and compare a later version with the record.

    python tests/frozen/freeze.py record  [--only TEXT] [--threads N]
    python tests/frozen/freeze.py compare [--only TEXT] [--threads N]

Run it with the Python in which eventsim is installed. EVENTSIM_DATA names the folder of data sets. A whole
comparison takes about five minutes on one core, so it is not part of the test suite.

Each case of `CASES` is a run of the command ``eventsim run``. This script reads the file of the run with
h5py alone, and keeps a SHA-256 of every result: spikes, reports, samples, parameters, training series,
metrics. It leaves out wall times, versions, notes and the configuration. `compare` finds a result by its hash
where the name has gone, so datasets may move. It sorts the results of the record into

    equal      the same name and the same bits
    renamed    the same bits under another name
    changed    the same name and other bits
    missing    neither the name nor the bits

and ends with status 1 if a result is changed or missing, or if a run fails.

Only `CASES` knows the options of the command. When a scenario, a preset or a key gets another name, change
the words there; the name of the case stays. When numbers change for a reason that the changelog gives,
record these cases again: ``record --only CASE``.

Bits depend on the processor (vector instructions, BLAS kernels) and on the mathematical library. The record
names them, and `compare` says where they differ from those of this machine. They do not depend on the number
of threads, so `record` on one thread and `compare` on two must agree.
"""

import argparse
import hashlib
import json
import os
import platform
import shlex
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

RECORD = Path(__file__).with_name("record.json")
COMMAND = (sys.executable, "-P", "-m", "eventsim.scenarios.cli", "run")
LEFT_OUT = ("eventsim/config", "eventsim/provenance", "eventsim/state")  # groups without results
DIGITS = 32  # kept of each hash: 128 bits


@dataclass(frozen=True)
class Case:
    """One run for each seed: the words after ``eventsim run``, and whether it may read the data sets."""

    words: str
    seeds: tuple[int, ...] = (1,)
    data: bool = False


TWO = (1, 2)
DIGITS_ONLY = "task=digits epochs=1"  # the settings of a preset for MNIST, on a small data set
CASES: dict[str, Case] = {
    # The quick presets, at full length and with two seeds.
    "yin-yang quick": Case("yin-yang --preset quick", TWO),
    "fast-and-deep quick": Case("fast-and-deep --preset quick", TWO),
    "delgrad quick": Case("delgrad --preset quick", TWO),
    "robustness quick": Case("robustness --preset quick", TWO),
    "spoken-digits quick": Case("spoken-digits --preset quick", TWO),
    "balanced-network quick": Case("balanced-network --preset quick", TWO),
    "nonlinear-dendrites quick": Case("nonlinear-dendrites --preset quick", TWO),
    "latent-equilibrium quick": Case("latent-equilibrium --preset quick", TWO),
    "generalized-latent-equilibrium quick": Case("generalized-latent-equilibrium --preset quick", TWO),
    "phaseless-alignment quick": Case("phaseless-alignment --preset quick", TWO),
    "elise quick": Case("elise --preset quick cycles=200 replay_cycles=10"),
    "mgrade quick": Case("mgrade --preset quick epochs=2"),
    "mgrade flip-flop": Case("mgrade --preset flip-flop sequences=32 test_sequences=16 epochs=1"),
    "minimalist quick": Case("minimalist --preset quick epochs=3"),
    "noracl quick": Case("noracl --preset quick"),
    "neurobench quick": Case(
        "neurobench --preset quick taus=[17] repetitions=1 epochs=3 refining_steps=3 spiking_epochs=3"
    ),
    "neurobench few-shot": Case("neurobench --preset few-shot-quick base_epochs=1"),
    "neurobench primate-reaching": Case("neurobench --preset primate-reaching-quick reaching_epochs=2"),
    # Yin-Yang perceptrons.
    "yin-yang paper": Case("yin-yang --preset paper epochs=2 runs=3"),
    # Fast and deep: both kernels of first spikes, MNIST in both sizes, its replacement, a chip.
    "fast-and-deep yin-yang": Case("fast-and-deep --preset yin-yang epochs=2"),
    "fast-and-deep yin-yang-tau2": Case("fast-and-deep --preset yin-yang-tau2 epochs=2"),
    "fast-and-deep tau 3": Case("fast-and-deep tau_mem=3.0 noise=0.1 epochs=2"),
    "fast-and-deep mnist": Case("fast-and-deep --preset mnist epochs=1 n_hidden=8", data=True),
    "fast-and-deep mnist-16x16": Case("fast-and-deep --preset mnist-16x16 epochs=1 n_hidden=16", data=True),
    "fast-and-deep mnist-16x16-246": Case("fast-and-deep --preset mnist-16x16-246 epochs=2"),
    "fast-and-deep mnist without data": Case("fast-and-deep --preset mnist epochs=2"),
    "fast-and-deep brainscales2": Case("fast-and-deep --preset brainscales2 epochs=2"),
    "fast-and-deep on brainscales2": Case(
        "fast-and-deep --preset brainscales2 epochs=1 --hardware brainscales2"
    ),
    "fast-and-deep put on brainscales2": Case(
        "fast-and-deep --preset brainscales2 epochs=1 in_the_loop=false --hardware brainscales2"
    ),
    # DelGrad: every kind of delay, every way to keep delays positive, noise, chips, comparisons.
    "delgrad WS": Case("delgrad --preset WS epochs=2"),
    "delgrad W": Case("delgrad --preset W epochs=2"),
    "delgrad WA": Case("delgrad --preset WA epochs=2"),
    "delgrad WD": Case("delgrad --preset WA delays=dendritic epochs=2"),
    "delgrad WS-5": Case("delgrad --preset WS-5 epochs=2"),
    "delgrad W-5": Case("delgrad --preset W-5 epochs=2"),
    "delgrad WA-5": Case("delgrad --preset WA-5 epochs=2"),
    "delgrad clip": Case("delgrad --preset WA positivity=clip learn_delays=false epochs=2"),
    "delgrad shift": Case("delgrad --preset WA positivity=shift learn_weights=false epochs=2"),
    "delgrad hw-aware-W": Case("delgrad --preset hw-aware-W epochs=2"),
    "delgrad hw-aware-WA": Case("delgrad --preset hw-aware-WA epochs=2"),
    "delgrad brainscales2-W": Case("delgrad --preset brainscales2-W epochs=2"),
    "delgrad brainscales2-WA": Case("delgrad --preset brainscales2-WA epochs=1"),
    "delgrad on brainscales2": Case("delgrad --preset brainscales2-WA epochs=1 --hardware brainscales2"),
    "delgrad sweep": Case("delgrad --preset sweep epochs=1 sizes=[5,10] networks=2"),
    # Robustness: every imperfection once.
    "robustness fast-and-deep": Case(
        "robustness --preset fast-and-deep epochs=1 networks=1 n_hidden=10 batch=500"
    ),
    "robustness delgrad-W": Case(
        'robustness --preset delgrad-W epochs=1 networks=2 \'imperfections=["weight_spread", "tau_ratio"]\''
    ),
    "robustness delgrad-WA": Case(
        'robustness --preset delgrad-WA epochs=1 networks=1 \'imperfections=["delay_steps", "delay_spread"]\''
    ),
    # Spoken digits as spikes: recordings and synthetic ones, with and without trained delays.
    "spoken-digits fsdd-spikes": Case(
        "spoken-digits --preset fsdd-spikes epochs=1 n_hidden=16 group=10", data=True
    ),
    "spoken-digits weights-only": Case("spoken-digits --preset weights-only epochs=1 n_hidden=16 group=10"),
    # Balanced network: windows (also with drawn input and with current), ordered, chips.
    "balanced-network poisson-1000": Case("balanced-network --preset poisson-1000 duration=100"),
    "balanced-network poisson-10000": Case("balanced-network --preset poisson-10000 duration=10"),
    "balanced-network dc-1000": Case("balanced-network --preset dc-1000 duration=200"),
    "balanced-network dc-10000": Case("balanced-network --preset dc-10000 duration=30"),
    "balanced-network ordered": Case("balanced-network --preset poisson-1000 duration=100 delay=0.001"),
    "balanced-network without loops": Case(
        "balanced-network --preset dc-1000 duration=100 k_excitatory=0 k_inhibitory=0"
    ),
    "balanced-network on mixed-signal": Case(
        "balanced-network --preset dc-1000 n_excitatory=80 n_inhibitory=20 k_excitatory=16 k_inhibitory=4 "
        "duration=100 --hardware mixed-signal"
    ),
    # Dendrites: every preset.
    "nonlinear-dendrites all-or-none": Case("nonlinear-dendrites --preset all-or-none"),
    "nonlinear-dendrites plateau": Case("nonlinear-dendrites --preset plateau"),
    "nonlinear-dendrites hold-off": Case("nonlinear-dendrites --preset hold-off"),
    "nonlinear-dendrites synchrony": Case("nonlinear-dendrites --preset synchrony"),
    "nonlinear-dendrites coincidence-window": Case("nonlinear-dendrites --preset coincidence-window"),
    "nonlinear-dendrites bac-firing": Case("nonlinear-dendrites --preset bac-firing"),
    "nonlinear-dendrites monte-carlo": Case("nonlinear-dendrites --preset monte-carlo neurons=200"),
    "nonlinear-dendrites structural-plasticity": Case(
        "nonlinear-dendrites --preset structural-plasticity periods=20"
    ),
    "nonlinear-dendrites structural-plasticity-fixed": Case(
        "nonlinear-dendrites --preset structural-plasticity-fixed periods=20"
    ),
    "nonlinear-dendrites network-1000": Case("nonlinear-dendrites --preset network-1000 duration=100"),
    "nonlinear-dendrites network-1000-ticks": Case(
        "nonlinear-dendrites --preset network-1000-ticks duration=100"
    ),
    # Latent Equilibrium: every task, every control, both optimisers, convolutions, real and small images.
    "latent-equilibrium mnist": Case("latent-equilibrium --preset mnist epochs=1 ticks=5", data=True),
    "latent-equilibrium mnist-short": Case(f"latent-equilibrium --preset mnist-short {DIGITS_ONLY}"),
    "latent-equilibrium mnist-short-tau-200": Case(
        f"latent-equilibrium --preset mnist-short-tau-200 {DIGITS_ONLY}"
    ),
    "latent-equilibrium mnist-adam": Case(f"latent-equilibrium --preset mnist-adam {DIGITS_ONLY}"),
    "latent-equilibrium mnist-random-feedback": Case(
        f"latent-equilibrium --preset mnist-random-feedback {DIGITS_ONLY} ticks=50"
    ),
    "latent-equilibrium mnist-not-prospective": Case(
        f"latent-equilibrium --preset mnist-not-prospective {DIGITS_ONLY} ticks=50"
    ),
    "latent-equilibrium mnist without data": Case("latent-equilibrium --preset mnist epochs=1 ticks=50"),
    "latent-equilibrium mismatch-learned": Case(
        f"latent-equilibrium --preset mismatch-learned {DIGITS_ONLY} tau_epochs=1 ticks=50"
    ),
    "latent-equilibrium mismatch-prospective-errors": Case(
        f"latent-equilibrium --preset mismatch-prospective-errors {DIGITS_ONLY} hidden=[20] ticks=10 "
        "learning_rate=0.1"
    ),
    "latent-equilibrium synaptic-filter-2": Case(
        f"latent-equilibrium --preset synaptic-filter-2 {DIGITS_ONLY} ticks=100"
    ),
    "latent-equilibrium rate-noise": Case(f"latent-equilibrium --preset rate-noise {DIGITS_ONLY} ticks=60"),
    "latent-equilibrium mnist-lenet": Case(
        f"latent-equilibrium --preset mnist-lenet {DIGITS_ONLY} maps=[4,6] hidden=[20] ticks=10 "
        "learning_rate=0.5"
    ),
    "latent-equilibrium mnist-lenet-short": Case(
        f"latent-equilibrium --preset mnist-lenet-short {DIGITS_ONLY} maps=[4,6] hidden=[20]"
    ),
    "latent-equilibrium fashion-mnist-lenet": Case(
        "latent-equilibrium --preset fashion-mnist-lenet epochs=0 maps=[2] hidden=[10] ticks=2", data=True
    ),
    "latent-equilibrium fourier": Case("latent-equilibrium --preset fourier ticks=12000"),
    "latent-equilibrium response": Case("latent-equilibrium --preset response"),
    "latent-equilibrium bars": Case("latent-equilibrium --preset bars epochs=10"),
    "latent-equilibrium bars-not-prospective": Case(
        "latent-equilibrium --preset bars-not-prospective epochs=10"
    ),
    "latent-equilibrium mimic": Case("latent-equilibrium --preset mimic epochs=5"),
    "latent-equilibrium yin-yang": Case("latent-equilibrium --preset yin-yang epochs=2"),
    "latent-equilibrium quick-not-prospective": Case(
        "latent-equilibrium --preset quick-not-prospective epochs=2"
    ),
    "latent-equilibrium quick-random-feedback": Case(
        "latent-equilibrium --preset quick-random-feedback epochs=2"
    ),
    "latent-equilibrium quick-noise": Case("latent-equilibrium --preset quick-noise epochs=2"),
    "latent-equilibrium quick-synaptic-filter": Case(
        "latent-equilibrium --preset quick-synaptic-filter epochs=1"
    ),
    "latent-equilibrium quick-mismatch": Case("latent-equilibrium --preset quick-mismatch epochs=2"),
    "latent-equilibrium quick-mismatch-learned": Case(
        "latent-equilibrium --preset quick-mismatch-learned epochs=2 tau_epochs=1"
    ),
    # Generalized Latent Equilibrium: every task, every control.
    "generalized-latent-equilibrium mnist-1d-15k": Case(
        "generalized-latent-equilibrium --preset mnist-1d-15k epochs=1 layers=2 ticks=72", data=True
    ),
    "generalized-latent-equilibrium mnist-1d-15k-published": Case(
        "generalized-latent-equilibrium --preset mnist-1d-15k-published epochs=1 layers=1 ticks=72", data=True
    ),
    "generalized-latent-equilibrium mnist-1d-15k-instantaneous": Case(
        "generalized-latent-equilibrium --preset mnist-1d-15k-instantaneous epochs=1 layers=1 ticks=72 "
        "held_out=500 points=40",
        data=True,
    ),
    "generalized-latent-equilibrium mnist-1d-42k": Case(
        "generalized-latent-equilibrium --preset mnist-1d-42k epochs=1 layers=1 ticks=72"
    ),
    "generalized-latent-equilibrium mnist-1d-lag-memory": Case(
        "generalized-latent-equilibrium --preset mnist-1d-lag-memory epochs=1 layers=1 fast=10 ticks=72",
        data=True,
    ),
    "generalized-latent-equilibrium surrogate-instant-errors": Case(
        "generalized-latent-equilibrium --preset synthetic-instant-errors epochs=1 layers=2 ticks=72"
    ),
    "generalized-latent-equilibrium lag-line": Case(
        "generalized-latent-equilibrium --preset lag-line ticks=10000"
    ),
    "generalized-latent-equilibrium lag-line-instant-errors": Case(
        "generalized-latent-equilibrium --preset lag-line-instant-errors ticks=10000"
    ),
    "generalized-latent-equilibrium lag-net": Case(
        "generalized-latent-equilibrium --preset lag-net ticks=10000"
    ),
    "generalized-latent-equilibrium spoken-digits": Case(
        "generalized-latent-equilibrium --preset spoken-digits epochs=1 layers=1 fast=5 slow=8 ticks=80",
        data=True,
    ),
    "generalized-latent-equilibrium mackey-glass": Case(
        "generalized-latent-equilibrium --preset mackey-glass epochs=2"
    ),
    "generalized-latent-equilibrium mackey-glass-instantaneous": Case(
        "generalized-latent-equilibrium --preset mackey-glass-instantaneous epochs=2"
    ),
    "generalized-latent-equilibrium gradient": Case(
        "generalized-latent-equilibrium --preset gradient dt=0.02"
    ),
}

Results = dict[str, str]  # hash, type and shape by the name of a result


class Failed(Exception):
    """A run that did not end well."""


# ---------------------------------------------------------------------- what a file says


def results(path: Path) -> Results:
    """Return what is to stay the same in the file of a run, by place in the file."""
    found: Results = {}

    def visit(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if name.startswith(LEFT_OUT):
            return
        if isinstance(item, h5py.Dataset):
            found[name] = fingerprint(item.asstr()[()] if h5py.check_string_dtype(item.dtype) else item[()])
            return
        for key, value in item.attrs.items():  # metrics are attributes
            if isinstance(value, float):
                found[f"{name}/{key}"] = f"{fingerprint(value)} = {float(value)!r}"

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return found


def fingerprint(value: Any) -> str:
    """Return hash, type and shape of an array."""
    array = np.asarray(value)
    if array.dtype.hasobject or array.dtype.kind in "UT":
        content = "\0".join(map(str, array.ravel())).encode()
        kind = "str"
    else:
        content, kind = array.astype(array.dtype.newbyteorder("<")).tobytes(), array.dtype.name
    shape = "x".join(map(str, array.shape))
    return f"{hashlib.sha256(content).hexdigest()[:DIGITS]} {kind} [{shape}]"


def run(case: Case, seed: int, threads: int, path: Path) -> Results:
    """Run a case with a seed and return its results.

    Raises
    ------
    Failed
        If the command ends with an error.
    """
    environment = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
    if not case.data:
        environment.pop("EVENTSIM_DATA", None)
    words = [*shlex.split(case.words), "--seed", str(seed), "--threads", str(threads), "-o", str(path)]
    done = subprocess.run([*COMMAND, *words, "--quiet"], env=environment, capture_output=True, text=True)
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        raise Failed(f"status {done.returncode}: {lines[-1] if lines else 'no message'}")
    return results(path)


# ---------------------------------------------------------------------- which machine


def machine() -> dict[str, str]:
    """Return what bits depend on beside the code."""
    import scipy

    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "processor": _processor(),
        "vectors": " ".join(flag for flag in ("avx2", "fma", "avx512f", "avx512vl") if flag in _flags()),
        "libm": " ".join(platform.libc_ver()),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "blas": f"{blas['name']} {blas['version']}",
    }


def _cpu(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _processor() -> str:
    return _cpu("model name") or platform.processor() or platform.machine()


def _flags() -> list[str]:
    return _cpu("flags").split()


# ---------------------------------------------------------------------- comparison


@dataclass
class Difference:
    """What became of the results of a run."""

    equal: list[str]
    renamed: dict[str, str]
    changed: list[str]
    missing: list[str]
    new: list[str]


def difference(before: Results, now: Results) -> Difference:
    """Compare two sets of results; each result of now stands for one of before at most."""
    equal = [name for name, value in before.items() if now.get(name) == value]
    free = {name: value for name, value in now.items() if name not in equal}
    renamed: dict[str, str] = {}
    changed: list[str] = []
    missing: list[str] = []
    for name in (name for name in before if name not in equal):
        match = next((other for other, value in free.items() if value == before[name]), None)
        if match is not None:
            renamed[name] = match
            del free[match]
        else:
            (changed if name in now else missing).append(name)
    return Difference(equal, renamed, changed, missing, [name for name in free if name not in before])


def all_runs(only: str, threads: int, jobs: int, keep: Path | None) -> Iterator[tuple[str, Results | Failed]]:
    """Run all cases whose name holds `only`, and yield the results of each run by its name."""
    work = [(name, case, seed) for name, case in CASES.items() if only in name for seed in case.seeds]
    if not work:
        raise SystemExit(f"no case holds {only!r} in its name")

    def one(name: str, case: Case, seed: int) -> tuple[str, Results | Failed, float]:
        began = time.perf_counter()
        label = f"{name}, seed {seed}"
        path = folder / f"{label}.h5"
        try:
            found: Results | Failed = run(case, seed, threads, path)
        except Failed as error:
            found = error
        finally:
            if keep is None:
                path.unlink(missing_ok=True)
        return label, found, time.perf_counter() - began

    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(jobs) as pool:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for label, found, seconds in pool.map(lambda each: one(*each), work):
            print(f"{seconds:6.1f} s  {label}", file=sys.stderr, flush=True)
            yield label, found


def record(only: str, threads: int, jobs: int, keep: Path | None) -> int:
    """Write the record, or the part of it that `only` chooses; return the exit status."""
    known: dict[str, Any] = json.loads(RECORD.read_text("utf-8")) if RECORD.exists() else {"runs": {}}
    labels = [f"{name}, seed {seed}" for name, case in CASES.items() for seed in case.seeds]
    failed = 0
    for label, found in all_runs(only, threads, jobs, keep):
        if isinstance(found, Failed):
            print(f"{label}: {found}")
            failed += 1
        else:
            known["runs"][label] = found
    ordered = {label: known["runs"][label] for label in labels if label in known["runs"]}
    text = json.dumps({"machine": machine(), "runs": ordered}, indent=1, ensure_ascii=False)
    RECORD.write_text(text + "\n", "utf-8")
    print(f"{len(ordered)} runs in {RECORD}, {failed} failed")
    return int(failed > 0)


def compare(only: str, threads: int, jobs: int, keep: Path | None) -> int:
    """Compare all cases with the record and print what differs; return the exit status."""
    known = json.loads(RECORD.read_text("utf-8"))
    _tell_machine(known["machine"])
    counts: Counter[str] = Counter()
    moved: Counter[tuple[str, str]] = Counter()
    for label, found in all_runs(only, threads, jobs, keep):
        if label not in known["runs"]:
            print(f"{label}: not in the record; record it with: record --only {label.partition(',')[0]!r}")
            counts["unrecorded"] += 1
            continue
        if isinstance(found, Failed):
            print(f"{label}: failed, {found}", flush=True)
            counts["failed"] += 1
            continue
        parts = difference(known["runs"][label], found)
        for kind in ("equal", "renamed", "changed", "missing", "new"):
            counts[kind] += len(getattr(parts, kind))
        moved.update(parts.renamed.items())
        for kind in ("changed", "missing"):
            for name in getattr(parts, kind):
                print(f"{label}: {kind}: {name}  {known['runs'][label][name]}", flush=True)
    for (old, new), n in sorted(moved.items()):
        print(f"renamed in {n} runs: {old} -> {new}")
    kinds = ("equal", "renamed", "changed", "missing", "failed", "unrecorded", "new")
    print(", ".join(f"{counts[kind]} {kind}" for kind in kinds))
    return int(any(counts[kind] for kind in ("changed", "missing", "failed", "unrecorded")))


def _tell_machine(recorded: Mapping[str, str]) -> None:
    """Say where this machine differs from the one of the record."""
    here = machine()
    for key, value in recorded.items():
        if here.get(key) != value:
            print(f"the record was made with {key} {value}, this is {here.get(key)}: last bits may differ")


def main() -> int:
    """Run the command line of this script."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("command", choices=("record", "compare", "list"))
    parser.add_argument("--only", default="", metavar="TEXT", help="cases whose name holds this text")
    parser.add_argument("--threads", type=int, default=1, help="of each run")
    parser.add_argument("--jobs", type=int, default=1, help="runs at one time")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the files of the runs there")
    options = parser.parse_args()
    if options.command == "list":
        for name, case in CASES.items():
            if options.only in name:
                print(f"{name}: eventsim run {case.words}")
        return 0
    reads = any(case.data and options.only in name for name, case in CASES.items())
    if reads and not os.environ.get("EVENTSIM_DATA"):
        parser.error("some cases read data sets: set EVENTSIM_DATA to their folder")
    do = {"record": record, "compare": compare}[options.command]
    return do(options.only, options.threads, options.jobs, options.keep)


if __name__ == "__main__":
    sys.exit(main())
