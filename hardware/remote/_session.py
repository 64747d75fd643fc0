"""What a server answers to the frames of one connection, whatever carries them."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from eventsim.errors import ConfigError, UnknownPart
from eventsim.hardware.remote._frames import MOST_BODY, Frame, FrameError, TooLarge, whole
from eventsim.hardware.remote._messages import VERSIONS, inputs_from, network_from, put_observed
from eventsim.hardware.remote._turns import Turns
from eventsim.hardware.targets.target import Observed, Target
from eventsim.hardware.targets.work import work
from eventsim.network import Network
from eventsim.spike_trains import SpikeTrains

__all__ = ["ClientLeft", "Limits", "Session", "SharedTarget", "error_frame"]

BLOCK = 1024  # samples that are run in one turn, at most
VALUES = 1 << 22  # units x samples of a turn, at most
QUICK = 0.25  # seconds; a turn that took less may be twice as large the next time
LOOK_AROUND = 0.05  # seconds between two looks at whether the client is still there
LEAST_ANSWER = 1.0  # seconds that one sample may take in any case
BYTES_PER_SPIKE = 16


class ClientLeft(ConnectionError):
    """The other side has closed, so nobody waits for the answer."""


class _OutOfTime(Exception):
    """The time for an answer is over."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes on.

    Attributes
    ----------
    connections : at one time.
    body : bytes of a frame.
    samples : of a request.
    work : of a request: units x samples x time in the shortest time constant.
    idle : seconds without a request after which a connection is closed.
    frame : seconds in which a frame that has begun must be there, or be taken.
    answer : seconds after which a run is answered in part, and that one sample may take.
    """

    connections: int = 8
    body: int = MOST_BODY
    samples: int = 65536
    work: float = 1e9
    idle: float = 600.0
    frame: float = 30.0
    answer: float = 20.0


class SharedTarget:
    """One target for several connections, which take turns; each turn finds its own network configured."""

    def __init__(self, target: Target, name: str) -> None:
        self.target, self.name = target, name
        self._turns = Turns()
        self._holder: object = None

    def configure(self, holder: object, network: Network, check: Callable[[], None]) -> Mapping[str, int]:
        """Load a network for a holder."""
        with self._turns.turn(check):
            self._holder = None
            counts = self.target.configure(network)
            self._holder = holder
            return counts

    def run(
        self,
        holder: object,
        network: Network,
        inputs: Mapping[str, Any],
        waiting: Callable[[], None],
        running: Callable[[int], None],
        **how: Any,
    ) -> Observed:
        """Run a batch for a holder with its network.

        `waiting` is called while the holder waits for its turn; `running` while the target runs, if it can.
        """
        with self._turns.turn(waiting):
            if self._holder is not holder:
                self._holder = None
                self.target.configure(network)
                self._holder = holder
            target: Any = self.target
            if not hasattr(target, "on_progress"):
                return self.target.run(inputs, **how)
            target.on_progress = running
            try:
                return self.target.run(inputs, **how)
            finally:
                target.on_progress = None


class Session:
    """One connection: its version of the protocol and its network."""

    def __init__(
        self, shared: SharedTarget, limits: Limits, left: Callable[[], bool] = lambda: False
    ) -> None:
        self.shared, self.limits, self._left = shared, limits, left
        self._size = 1  # samples of the next turn
        self._looked = 0.0
        self._greeted = False
        self._network: Network | None = None
        self._configuration = -1  # id of the request that brought the network

    def answer(self, frame: Frame) -> Frame:
        """Return the answer to a request; an error frame where it cannot be met."""
        known = {"hello": self._hello, "configure": self._configure, "run": self._run}
        number = None
        try:
            number = whole(frame.header.get("id"), "id")
            if frame.kind not in known:
                raise FrameError(f"no request is called {frame.kind!r:.60}; known: {', '.join(known)}")
            if not self._greeted and frame.kind != "hello":
                raise FrameError(f"the first request must be 'hello', got {frame.kind!r}")
            reply = known[frame.kind](frame)
        except ClientLeft:
            raise
        except TooLarge as error:
            return error_frame("too-large", error, number)
        except FrameError as error:
            return error_frame("malformed", error, number)
        except ConfigError as error:
            return error_frame("refused", error, number)
        except (UnknownPart, ValueError, TypeError, OverflowError) as error:
            return error_frame("invalid", error, number)
        except Exception as error:  # whatever a target fails with must not end the server
            return error_frame("failed", f"{type(error).__name__}: {error}", number)
        reply.header["id"] = number
        return reply

    def _hello(self, frame: Frame) -> Frame:
        versions = frame.header.get("versions")
        if not isinstance(versions, list) or not versions:
            raise FrameError(f"versions must be a list of numbers, got {versions!r:.60}")
        common = [version for version in VERSIONS if version in versions]
        if not common:
            spoken = " and ".join(map(str, VERSIONS))
            told = f"this server speaks versions {spoken}, asked for {json.dumps(versions):.60}"
            return error_frame("version", told, None)
        self._greeted = True
        limits: dict[str, float] = {"most_body": self.limits.body, "most_samples": self.limits.samples}
        if common[0] > 1:
            limits["most_work"] = self.limits.work
        return Frame({"type": "hello", "version": common[0], "target": self.shared.name, **limits})

    def _configure(self, frame: Frame) -> Frame:
        self._network = None
        network = network_from(frame)
        counts = self.shared.configure(self, network, self._check_client)
        self._size = 1
        self._network, self._configuration = network, frame.header["id"]
        return Frame({"type": "configured", "counters": {name: int(n) for name, n in counts.items()}})

    def _run(self, frame: Frame) -> Frame:
        told = frame.header
        asked = whole(told.get("configuration"), "configuration")
        if self._network is None or asked != self._configuration:
            raise FrameError(f"configuration {asked} is not the one that is loaded, configure first")
        n_samples = whole(told.get("n_samples"), "n_samples", 1)
        if n_samples > self.limits.samples:
            raise TooLarge(f"a request may have {self.limits.samples} samples, this one has {n_samples}")
        until, first = told.get("until"), whole(told.get("first"), "first")
        if until == "inf":
            until = float("inf")
        if isinstance(until, bool) or not isinstance(until, int | float):
            raise FrameError(f"until must be a number or 'inf', got {until!r:.60}")
        trial = whole(told.get("trial"), "trial")
        until = float(until)
        amount = work(self._network, n_samples, until)
        if not amount <= self.limits.work:
            raise TooLarge(
                f"units x samples x time of a request may be {self.limits.work:g}, this one has {amount:g} "
                f"({n_samples} samples until {until:g} {self._network.time_unit})"
            )
        inputs = inputs_from(frame, n_samples)
        observed, n_done = self._observe(inputs, n_samples, until, trial, first)
        reply = Frame({"type": "observed", "configuration": asked, "first": first, "n_samples": n_done})
        put_observed(reply, observed)
        return reply

    def _observe(
        self, inputs: Mapping[str, SpikeTrains], n_samples: int, until: float, trial: int, first: int
    ) -> tuple[Observed, int]:
        """Run what can be run within the time for an answer, one turn at least; return how many samples."""
        network = self._network
        assert network is not None
        start, done = time.monotonic(), 0
        most = max(1, min(BLOCK, VALUES // sum(p.n for p in network.populations.values())))
        parts: list[Observed] = []

        end = start

        def waiting() -> None:
            nonlocal end
            self._check_client()
            # A first turn has its time from when it begins; several samples leave half of it for one alone.
            share = 0.5 if self._size > 1 else 1.0
            fresh = time.monotonic() + max(share * self.limits.answer, LEAST_ANSWER)
            end = start + self.limits.answer if parts else fresh
            if time.monotonic() > end:
                raise _OutOfTime

        def running(n_spikes: int) -> None:
            self._check_client()
            if time.monotonic() > end:
                raise _OutOfTime
            if n_spikes * BYTES_PER_SPIKE > self.limits.body:
                raise ValueError(f"one sample has more than {n_spikes} spikes, an answer cannot hold them")

        while done < n_samples:
            high = min(done + min(self._size, most), n_samples)
            block = {name: trains[done:high] for name, trains in inputs.items()}
            how = {"until": until, "trial": trial, "first": first + done}
            begin = time.monotonic()
            try:
                waiting()
                parts.append(self.shared.run(self, network, block, waiting, running, **how))
            except _OutOfTime:
                if parts:
                    break
                if high - done > 1:
                    self._size = 1
                    continue
                seconds = time.monotonic() - begin
                message = f"one sample takes longer than {seconds:.2g} s, the limit of this server"
                raise ValueError(message) from None
            now, n_run, done = time.monotonic(), high - done, high
            if now - begin < QUICK:
                self._size = min(2 * max(self._size, n_run), most)
            elif n_run > 1 and now - begin > 2 * QUICK:
                self._size = max(1, n_run // 2)
            if now - start > self.limits.answer:
                break
        return Observed.joined(parts), done

    def _check_client(self) -> None:
        """Look, now and then, whether the client is still there."""
        now = time.monotonic()
        if now - self._looked > LOOK_AROUND:
            self._looked = now
            if self._left():
                raise ClientLeft("the client has left")


def error_frame(code: str, message: object, number: int | None) -> Frame:
    """Return the answer that says why there is none, on one line."""
    line = " ".join(str(message).split())
    return Frame({"type": "error", "id": number, "code": code, "message": line[:1000]})
