"""What a server answers to the frames of one connection, whatever carries them."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from eventsim.errors import ConfigError, UnknownPart
from eventsim.hardware.remote._frames import MOST_BODY, Frame, FrameError, TooLarge, whole
from eventsim.hardware.remote._messages import VERSIONS, inputs_from, network_from, put_observed
from eventsim.hardware.targets.target import Observed, Target
from eventsim.network import Network
from eventsim.spike_trains import SpikeTrains

__all__ = ["Limits", "Session", "SharedTarget", "error_frame"]

BLOCK = 1024  # samples that are run before the clock is looked at


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes on.

    Attributes
    ----------
    connections : at one time.
    body : bytes of a frame.
    samples : of a request.
    idle : seconds without a request after which a connection is closed.
    frame : seconds in which a frame that has begun must be there, or be taken.
    answer : seconds after which a run is answered in part.
    """

    connections: int = 8
    body: int = MOST_BODY
    samples: int = 65536
    idle: float = 600.0
    frame: float = 30.0
    answer: float = 20.0


class SharedTarget:
    """One target for several connections: whoever comes next has it configured with his network again."""

    def __init__(self, target: Target, name: str) -> None:
        self.target, self.name = target, name
        self._lock = Lock()
        self._holder: object = None

    def configure(self, holder: object, network: Network) -> Mapping[str, int]:
        """Load a network for a holder."""
        with self._lock:
            self._holder = None
            counts = self.target.configure(network)
            self._holder = holder
            return counts

    def run(self, holder: object, network: Network, inputs: Mapping[str, Any], **how: Any) -> Observed:
        """Run a batch for a holder with his network."""
        with self._lock:
            if self._holder is not holder:
                self._holder = None
                self.target.configure(network)
                self._holder = holder
            return self.target.run(inputs, **how)


class Session:
    """One connection: its version of the protocol and its network."""

    def __init__(self, shared: SharedTarget, limits: Limits) -> None:
        self.shared, self.limits = shared, limits
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
        except TooLarge as error:
            return error_frame("too-large", error, number)
        except FrameError as error:
            return error_frame("malformed", error, number)
        except ConfigError as error:
            return error_frame("refused", error, number)
        except (UnknownPart, ValueError, TypeError) as error:
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
        limits = {"most_body": self.limits.body, "most_samples": self.limits.samples}
        return Frame({"type": "hello", "version": common[0], "target": self.shared.name, **limits})

    def _configure(self, frame: Frame) -> Frame:
        self._network = None
        network = network_from(frame)
        counts = self.shared.configure(self, network)
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
        inputs = inputs_from(frame, n_samples)
        observed, n_done = self._observe(inputs, n_samples, float(until), trial, first)
        reply = Frame({"type": "observed", "configuration": asked, "first": first, "n_samples": n_done})
        put_observed(reply, observed)
        return reply

    def _observe(
        self, inputs: Mapping[str, SpikeTrains], n_samples: int, until: float, trial: int, first: int
    ) -> tuple[Observed, int]:
        """Run what can be run within the time for an answer, one block at least; return how many samples."""
        assert self._network is not None
        start, high = time.monotonic(), 0
        parts: list[Observed] = []
        for low in range(0, n_samples, BLOCK):
            high = min(low + BLOCK, n_samples)
            block = {name: trains[low:high] for name, trains in inputs.items()}
            how = {"until": until, "trial": trial, "first": first + low}
            parts.append(self.shared.run(self, self._network, block, **how))
            if time.monotonic() - start > self.limits.answer:
                break
        return Observed.joined(parts), high


def error_frame(code: str, message: object, number: int | None) -> Frame:
    """Return the answer that says why there is none, on one line."""
    line = " ".join(str(message).split())
    return Frame({"type": "error", "id": number, "code": code, "message": line[:1000]})
