"""A server that runs a target for programs in other processes.

    python -m eventsim.hardware.remote.serve --hardware ideal --port 5555

It listens on this machine alone unless told otherwise. It has no users and no passwords: everybody who
reaches the port can use the target, and nothing else. Each connection has a thread. Every request is
answered, with an error if need be; none ends the server. The protocol is in docs/remote-targets.md.
"""

import argparse
import json
import logging
import math
import select
import signal
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any

from eventsim.errors import UnknownPart
from eventsim.hardware.remote._frames import (
    PREFIX_BYTES,
    Frame,
    FrameError,
    TooLarge,
    decoded,
    encoded,
    sizes,
)
from eventsim.hardware.remote._messages import VERSIONS
from eventsim.hardware.remote._session import Limits, Session, SharedTarget, error_frame
from eventsim.hardware.targets.simulated import target_of
from eventsim.hardware.targets.target import Target, checked_target
from eventsim.registry import find
from eventsim.renamed import with_current_names

__all__ = ["Limits", "TargetServer", "main"]

PIECE = 1 << 20  # bytes that are received together
LINGER = 1.0  # seconds in which the rest of a refused request is read away, so that the answer is not lost

log = logging.getLogger(__name__)


class TargetServer:
    """Runs a target for others, from threads of this process.

    Parameters
    ----------
    target : Target
        Used by one connection at a time; configured again where they take turns.
    host, port : str, int
        Where to listen; port 0 lets the system choose.
    name : str
        What the target is, with its seed if it has one. A host that comes back expects the same name.
    limits : Limits
        What the server takes on.

    Attributes
    ----------
    address : (host, port) where it listens.

    Raises
    ------
    OSError
        If it cannot listen there.

    Examples
    --------
    >>> import eventsim as es
    >>> from eventsim.hardware.remote.serve import TargetServer
    >>> with TargetServer(es.hardware.SimulatedTarget()) as server:
    ...     chip = es.hardware.RemoteTarget(server.address)
    ...     net = es.Network()
    ...     _ = net.add("input", es.models.SpikeSource(), 1)
    ...     _ = net.add("cell", es.models.LIF(), 1)
    ...     _ = net.connect("input", "cell", weight=3.0)
    ...     _ = chip.configure(net)
    ...     chip.run({"input": [[0.2]]}, until=5.0, trial=0).first_spikes("cell")
    array([[0.81906129]])
    """

    def __init__(
        self,
        target: Target,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        name: str = "",
        limits: Limits | None = None,
    ) -> None:
        shared = SharedTarget(checked_target(target), name or type(target).__name__)
        self._listener = _Listener((host, port), shared, limits or Limits())
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        host, port = self._listener.server_address[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Serve in a thread of its own until `stop`."""
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.05,), name="target-server", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Close the port and all connections."""
        if self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
            self._thread = None
        self._listener.server_close()
        self._listener.drop_all()

    def __enter__(self) -> "TargetServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Listener(socketserver.ThreadingTCPServer):
    """The socket that listens, and what its connections share."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False  # a target that hangs must not keep the server from ending

    def __init__(self, address: tuple[str, int], shared: SharedTarget, limits: Limits) -> None:
        self.shared, self.limits = shared, limits
        self.open: set[socket.socket] = set()
        self.lock = threading.Lock()
        super().__init__(address, _Connection)

    def drop_all(self) -> None:
        with self.lock:
            for connection in self.open:
                _shut(connection, socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.exception("the connection with %s failed", client_address)


class _Connection(socketserver.BaseRequestHandler):
    """One connection, in its own thread."""

    server: _Listener
    request: socket.socket

    def handle(self) -> None:
        listener = self.server
        with listener.lock:
            full = len(listener.open) >= listener.limits.connections
            if not full:
                listener.open.add(self.request)
        try:
            if full:
                self._refuse("busy", f"{listener.limits.connections} connections are open already")
            else:
                self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._converse()
        except OSError as error:  # it closed, broke, or took too long
            log.info("the connection with %s ended: %s", self.client_address, error)
        finally:
            with listener.lock:
                listener.open.discard(self.request)

    def _converse(self) -> None:
        session = Session(self.server.shared, self.server.limits, lambda: has_left(self.request))
        while True:
            try:
                frame = self._receive()
            except TooLarge as error:
                return self._refuse("too-large", error)
            except FrameError as error:  # where the next frame begins is not known any more
                return self._refuse("malformed", error)
            if frame is None:
                return None
            reply = session.answer(frame)
            try:
                content = encoded(reply)
            except (FrameError, ValueError) as error:
                content = encoded(error_frame("failed", error, frame.header.get("id")))
            self._send(content)

    def _receive(self) -> Frame | None:
        """Return the next frame, None if the other side has closed."""
        limits = self.server.limits
        self.request.settimeout(limits.idle)
        start = self.request.recv(PREFIX_BYTES)
        if not start:
            return None
        end = time.monotonic() + limits.frame
        prefix = self._read(PREFIX_BYTES, end, start)
        header, body, checksum = sizes(prefix, limits.body)
        return decoded(self._read(header + body, end), header, checksum)

    def _read(self, n: int, end: float, start: bytes = b"") -> bytearray:
        """Return n bytes, the first of which are there already."""
        content = bytearray(start)
        while len(content) < n:
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"{n} bytes were announced, {len(content)} came in time")
            self.request.settimeout(left)
            piece = self.request.recv(min(n - len(content), PIECE))
            if not piece:
                raise ConnectionError(f"{n} bytes were announced, {len(content)} came")
            content += piece
        return content

    def _send(self, content: bytes) -> None:
        self.request.settimeout(self.server.limits.frame)
        self.request.sendall(content)

    def _refuse(self, code: str, reason: object) -> None:
        """Say why the connection is closed, and see to it that this arrives."""
        log.info("%s is refused: %s", self.client_address, reason)
        self._send(encoded(error_frame(code, reason, None)))
        _shut(self.request, socket.SHUT_WR)
        end = time.monotonic() + LINGER
        while (left := end - time.monotonic()) > 0:
            self.request.settimeout(left)
            if not self.request.recv(PIECE):
                return


def has_left(connection: socket.socket) -> bool:
    """Return whether the other side has closed, even if requests of it have not been read yet."""
    if hasattr(select, "poll"):
        poll = select.poll()
        closed = getattr(select, "POLLRDHUP", 0) | select.POLLHUP | select.POLLERR
        poll.register(connection, closed)
        if any(event & closed for _, event in poll.poll(0)):
            return True
    with suppress(OSError):
        if not select.select([connection], [], [], 0)[0]:
            return False
        return not connection.recv(1, socket.MSG_PEEK)
    return True


def _shut(connection: socket.socket, how: int) -> None:
    with suppress(OSError):  # closed by the other side
        connection.shutdown(how)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit status."""
    parser = argparse.ArgumentParser(
        "python -m eventsim.hardware.remote.serve",
        description="Runs a target for programs in other processes.",
    )
    limits = Limits()
    parser.add_argument("--hardware", default="ideal", help="name of the target, see 'eventsim list'")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of it")
    parser.add_argument("--host", default="127.0.0.1", help="where to listen (default: this machine only)")
    parser.add_argument("--port", type=int, default=0, help="0 (default): the system chooses")
    parser.add_argument("--connections", type=int, default=limits.connections, help="at one time")
    parser.add_argument("--most-megabytes", type=float, default=limits.body / 2**20, help="of a request")
    parser.add_argument("--most-work", type=float, default=limits.work, help="units x samples x time of one")
    parser.add_argument("--answer", type=float, default=limits.answer, help="seconds of a run, at most")
    parser.add_argument("--idle", type=float, default=limits.idle, help="seconds without a request, at most")
    parser.add_argument("--verbose", action="store_true", help="say what connections do")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO if given.verbose else logging.WARNING, format="%(message)s")
    try:
        if given.connections < 1 or not given.most_megabytes > 0 or not given.idle > 0:
            raise ValueError("--connections, --most-megabytes and --idle must be positive")
        if not given.most_work > 0 or not given.answer > 0:
            raise ValueError("--most-work and --answer must be positive")
        settings = with_current_names("argument/hardware", dict(_setting(each) for each in given.set))
        part = find("hardware", given.hardware)(**settings)
        name = " ".join([given.hardware, *(f"{key}={value}" for key, value in sorted(settings.items()))])
        limits = Limits(
            given.connections,
            math.ceil(given.most_megabytes * 2**20),
            work=given.most_work,
            idle=given.idle,
            answer=given.answer,
        )
        server = TargetServer(target_of(part), host=given.host, port=given.port, name=name, limits=limits)
    except (UnknownPart, ValueError, TypeError, OverflowError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    asked_to_stop = threading.Event()

    def stop(signum: int, frame: FrameType | None) -> None:
        asked_to_stop.set()

    before = {each: signal.signal(each, stop) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        with server:
            host, port = server.address
            print(f"{name} listens on {host}:{port}, protocol {VERSIONS[0]}", flush=True)
            asked_to_stop.wait()
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    return 0


def _setting(given: str) -> tuple[str, Any]:
    key, equals, value = given.partition("=")
    if not equals or not key:
        raise ValueError(f"--set takes KEY=VALUE, got {given!r}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value  # a word


if __name__ == "__main__":
    sys.exit(main())
