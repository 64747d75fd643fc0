"""A target in another process, perhaps on another machine, that may be slow, go away and come back.

Batches are cut into chunks. What has arrived is kept; when an answer does not come in time, is damaged or
makes no sense, the connection is opened anew, the network loaded again, and the missing samples are asked for
again. That is harmless, because equal requests get equal answers (see `Target`). The protocol is in
docs/remote-targets.md.
"""

import math
import time
from collections import deque
from collections.abc import Callable, Container, Mapping
from typing import Any

from eventsim import __version__
from eventsim.errors import ConfigError, TargetLost
from eventsim.hardware.remote._connection import Connection
from eventsim.hardware.remote._frames import MOST_BODY, Frame, FrameError, TooLarge, encoded, text, whole
from eventsim.hardware.remote._messages import (
    VERSIONS,
    counters_from,
    in_version,
    observed_from,
    put_inputs,
    put_network,
)
from eventsim.hardware.targets.target import Observed, checked_inputs, checked_run
from eventsim.hardware.targets.work import work
from eventsim.network import Network
from eventsim.parameters import one_number, whole_number
from eventsim.spike_trains import SpikeTrains

__all__ = ["RemoteTarget"]

AHEAD = 4  # requests that are under way together, so that the chip need not wait for the host
PAUSE, LONGEST_PAUSE = 0.05, 2.0  # seconds before the first retry, and the most; doubled from one to the next


class RemoteTarget:
    """A target behind a server such as ``python -m eventsim.hardware.remote.serve``; see `Target`.

    It connects when it is configured, and may be used as a context, which closes it.

    Parameters
    ----------
    address : str or (str, int)
        "host:port", or host and port.
    timeout : float
        Seconds to wait for an answer; a chunk of samples has to be done in that time.
    retries : int
        How often in a row attempts may fail without bringing any sample; then `TargetLost` is raised.
    chunk : int
        Samples of a request, at most.

    Attributes
    ----------
    failures : int
        How many attempts have failed so far.

    Raises
    ------
    ValueError
        If the address or a number does not do.
    """

    def __init__(
        self, address: str | tuple[str, int], *, timeout: float = 30.0, retries: int = 8, chunk: int = 512
    ) -> None:
        self.address = host_and_port(address)
        self.timeout = one_number(timeout, "timeout", low=0)
        if self.timeout == 0:
            raise ValueError("timeout must be positive, got 0")
        self.retries, self.chunk = whole_number(retries, "retries"), whole_number(chunk, "chunk", 1)
        self.failures = 0
        self._network: Network | None = None
        self._request = Frame({})  # with which it is loaded
        self._sizes: dict[str, int] = {}  # of the populations that are observed
        self._name: str | None = None  # what the target called itself when it was first met
        self._number = 0  # of the latest request; none is used twice, so late answers are told apart
        self._link: Connection | None = None
        self._version: Any = VERSIONS[0]  # of the protocol on this connection
        self._most_body = MOST_BODY  # of a request on this connection
        self._most_samples = chunk
        self._most_work = math.inf
        self._loaded = 0  # the request that loaded the network on this connection; 0 if none did

    def __repr__(self) -> str:
        return f"RemoteTarget('{self.address[0]}:{self.address[1]}')"

    def configure(self, network: Network) -> Mapping[str, int]:
        """Have a network placed and loaded; see `Target.configure`.

        Raises
        ------
        ConfigError
            If it does not fit, or something of it cannot be sent.
        TargetLost
            If the target does not answer.
        """
        request = Frame({"type": "configure"})
        put_network(request, network)  # what cannot be sent is told before anything is
        self._network, self._request, self._loaded = None, request, 0
        counters: dict[str, int] = {}
        self._persist(lambda progress: counters.update(self._load()))
        self._network = network
        self._sizes = {
            name: p.n for name, p in network.populations.items() if p.record_spikes and not p.model.is_source
        }
        return counters

    def run(self, inputs: Mapping[str, Any], *, until: float, trial: int, first: int = 0) -> Observed:
        """Have a batch run, and ask again for what does not come; see `Target.run`."""
        network = self._network
        if network is None:
            raise ConfigError("the target has no network yet: call configure(network) first")
        until, trial, first = checked_run(until, trial, first)
        header = {"type": "run", "until": until if until < math.inf else "inf", "trial": trial}
        given, n_samples = checked_inputs(network, inputs)
        missing = {(low, min(low + self.chunk, n_samples)) for low in range(0, n_samples, self.chunk)}
        done: dict[int, Observed] = {}  # by the first of its samples

        def attempt(progress: Callable[[], None]) -> None:
            self._load()
            todo = deque(sorted(missing))
            waiting: dict[int, tuple[int, int]] = {}
            end = time.monotonic() + self.timeout
            while todo or waiting:
                while todo and len(waiting) < AHEAD:
                    low, high = todo.popleft()
                    number = self._ask(header, given, first, low, high)
                    if number:
                        waiting[number] = (low, high)
                        continue
                    middle = (low + high) // 2  # two requests, then
                    missing.remove((low, high))
                    missing.update(((low, middle), (middle, high)))
                    todo.extendleft(((middle, high), (low, middle)))
                frame = self._answer("observed", waiting, end)
                low, high = waiting.pop(frame.header["id"])
                done[low], n_done = self._observed(frame, first + low, high - low)
                missing.remove((low, high))
                if low + n_done < high:  # the target gave a part of what it was asked for
                    missing.add((low + n_done, high))
                    todo.append((low + n_done, high))
                progress()
                end = time.monotonic() + self.timeout

        self._persist(attempt)
        return Observed.joined([done[low] for low in sorted(done)])

    def close(self) -> None:
        """Close the connection; the next call opens one again."""
        if self._link is not None:
            self._link.close()
        self._link, self._loaded = None, 0

    def __enter__(self) -> "RemoteTarget":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ------------------------------------------------------------------ attempts

    def _persist(self, attempt: Callable[[Callable[[], None]], None]) -> None:
        """Try until it works, or until nothing has come for too many attempts."""
        start, attempts, in_a_row = time.monotonic(), 0, 0

        def progress() -> None:
            nonlocal in_a_row
            in_a_row = 0

        while True:
            attempts += 1
            try:
                return attempt(progress)
            except _OtherTarget as error:
                self.close()
                raise TargetLost(str(error)) from None
            except (OSError, FrameError, _Failure) as error:
                self.close()
                self.failures += 1
                in_a_row += 1
                if in_a_row > self.retries:
                    host, port = self.address
                    raise TargetLost(
                        f"the target at {host}:{port} is lost: {attempts} attempts in "
                        f"{time.monotonic() - start:.1f} s, the last one failed with: {error}"
                    ) from error
            except BaseException:
                self.close()  # answers may be under way
                raise
            time.sleep(min(PAUSE * 2 ** (in_a_row - 1), LONGEST_PAUSE))

    def _connect(self) -> Connection:
        """Return the connection; open one if there is none."""
        if self._link is None:
            self._link = Connection(self.address, self.timeout, MOST_BODY)
            number = self._send(Frame({"type": "hello", "versions": list(VERSIONS), "client": __version__}))
            told = self._answer("hello", (number,), time.monotonic() + self.timeout).header
            self._version = told.get("version")
            if self._version not in VERSIONS:
                spoken = " and ".join(map(str, VERSIONS))
                raise _Failure(f"it speaks version {self._version!r:.20}, this speaks {spoken}")
            name = text(told.get("target"), "target")
            if self._name not in (None, name):
                raise _OtherTarget(
                    f"another target answers at {self.address[0]}:{self.address[1]}: {name!r:.60}, "
                    f"it was {self._name!r:.60}"
                )
            self._name = name
            self._most_body = whole(told.get("most_body"), "most_body", 1)
            self._most_samples = whole(told.get("most_samples"), "most_samples", 1)
            most_work = told.get("most_work", math.inf)  # which version 1 did not have at first
            if isinstance(most_work, bool) or not isinstance(most_work, int | float) or not most_work > 0:
                raise FrameError(f"most_work must be a number > 0, got {most_work!r:.60}")
            self._most_work = float(most_work)
        return self._link

    def _load(self) -> Mapping[str, int]:
        """Load the network unless this connection has it, and return what was changed in it."""
        self._connect()
        if self._loaded:
            return {}
        try:
            number = self._send(in_version(self._request, self._version))
        except TooLarge as error:
            raise ConfigError(f"the network is too large to be sent: {error}") from None
        answer = self._answer("configured", (number,), time.monotonic() + self.timeout)
        self._loaded = number
        return counters_from(answer)

    def _ask(
        self, header: Mapping[str, Any], given: Mapping[str, SpikeTrains], first: int, low: int, high: int
    ) -> int:
        """Ask for some samples; return the number of the request, 0 if it would be too large."""
        if high - low > self._most_samples:
            return 0
        assert self._network is not None
        amount = work(self._network, high - low, float(header["until"]))
        if amount > self._most_work:
            if high - low > 1:
                return 0
            raise ValueError(
                f"units x samples x time of a request may be {self._most_work:g} on this server, one sample "
                f"until {header['until']} has {amount:g}"
            )
        told = {"configuration": self._loaded, "first": first + low, "n_samples": high - low}
        frame = Frame({**header, **told})
        put_inputs(frame, {name: trains[low:high] for name, trains in given.items()})
        try:
            return self._send(frame)
        except TooLarge as error:
            if high - low == 1:
                raise ValueError(f"the spikes of one sample are too large to be sent: {error}") from None
            return 0

    def _observed(self, frame: Frame, first: int, n_asked: int) -> tuple[Observed, int]:
        """Return what a frame says that was observed, and of how many of the samples asked for."""
        told = frame.header
        if told.get("configuration") != self._loaded or told.get("first") != first:
            raise FrameError("an answer is of other samples than were asked for")
        n_samples = whole(told.get("n_samples"), "n_samples", 1, n_asked)
        return observed_from(frame, n_samples, self._sizes), n_samples

    # ------------------------------------------------------------------ frames

    def _send(self, frame: Frame) -> int:
        """Send a request and return its number."""
        assert self._link is not None
        frame.header["id"] = self._number + 1
        content = encoded(frame)
        if len(content) > self._most_body:
            raise TooLarge(f"a request may have {self._most_body} bytes, this one has {len(content)}")
        self._number += 1
        self._link.send(content)
        return self._number

    def _answer(self, kind: str, wanted: Container[int], end: float) -> Frame:
        """Return the next answer to one of these requests; others are late, and dropped."""
        assert self._link is not None
        while True:
            frame = self._link.receive(end)
            number = frame.header.get("id")
            if number is not None:
                whole(number, "id")
            if frame.kind == "error" and (number is None or number in wanted):
                code, message = (text(frame.header.get(key), key) for key in ("code", "message"))
                if code == "refused":
                    raise ConfigError(message)
                if code == "invalid":
                    raise ValueError(message)
                raise _Failure(f"{code}: {message}")
            if number in wanted:
                if frame.kind != kind:
                    raise FrameError(f"expected an answer of type {kind!r}, got {frame.kind!r:.60}")
                return frame


class _Failure(Exception):
    """An answer that says that there is none, perhaps only now."""


class _OtherTarget(Exception):
    """Another target than before, whose answers would not be the same."""


def host_and_port(given: Any) -> tuple[str, int]:
    """Return host and port of an address.

    Raises
    ------
    ValueError
        If it is none.
    """
    host, port = given if isinstance(given, tuple) and len(given) == 2 else str(given).rpartition(":")[::2]
    try:
        number = int(port)
    except (TypeError, ValueError):
        number = -1
    if not isinstance(host, str) or not host or not 0 < number < 65536:
        raise ValueError(f"address must be 'host:port', got {given!r}")
    return host.strip("[]"), number
