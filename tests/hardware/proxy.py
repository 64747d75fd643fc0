"""A proxy between a host and a server that does to the frames what networks and broken programs do.

It reads frames by the layout that docs/remote-targets.md tells, without the code under test.
"""

import json
import socket
import struct
import threading
import zlib
from contextlib import suppress

PREFIX = struct.Struct("<4sIQI")


def receive_frame(sock):
    """Return the bytes of the next frame, b"" if the other side closed."""
    prefix = _exactly(sock, 24)
    if len(prefix) < 24:
        return b""
    _, header, body, _ = PREFIX.unpack_from(prefix)
    return prefix + _exactly(sock, header + body)


def header_of(frame):
    n = PREFIX.unpack_from(frame)[1]
    return json.loads(frame[24 : 24 + n])


def body_of(frame):
    return frame[24 + PREFIX.unpack_from(frame)[1] :]


def frame_of(header, body=b""):
    """Return a whole frame with right checksums; the header may be an object, or bytes."""
    told = header if isinstance(header, bytes) else json.dumps(header).encode()
    return prefix_of(len(told), len(body), zlib.crc32(told + body)) + told + body


def prefix_of(n_header, n_body, checksum=0, magic=b"ESHW"):
    prefix = PREFIX.pack(magic, n_header, n_body, checksum)
    return prefix + struct.pack("<I", zlib.crc32(prefix))


def changed(frame, **entries):
    """Return a frame whose header says something else, checksums included."""
    return frame_of(header_of(frame) | entries, body_of(frame))


class Proxy:
    """Hands frames on; `fault(k, frame, way)` decides what becomes of the k-th answer of the server.

    A fault returns the frames to send instead, and may call `way.cut()` to close the connection after them.
    """

    def __init__(self, server, fault=None):
        self.server, self.fault = server, fault or (lambda k, frame, way: [frame])
        self.n_answers = 0
        self._lock = threading.Lock()
        self._open = []
        self.mistake = None  # of a fault itself
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._start(self._accept)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        _shut(self._listener)
        self._listener.close()
        for sock in self._open:
            _shut(sock)
        assert self.mistake is None, self.mistake

    def _start(self, work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    def _accept(self):
        while True:
            try:
                host, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(self.server)
            except OSError:  # it is dead: whoever connects here finds that out
                host.close()
                continue
            self._open += [host, server]
            way = _Way(host, server)
            self._start(self._requests, way)
            self._start(self._answers, way)

    def _requests(self, way):
        with suppress(OSError):
            while frame := receive_frame(way.host):
                way.server.sendall(frame)
        way.cut()

    def _answers(self, way):
        with suppress(OSError):
            while frame := receive_frame(way.server):
                with self._lock:
                    k = self.n_answers
                    self.n_answers += 1
                try:
                    frames = self.fault(k, frame, way)
                except (LookupError, TypeError, ValueError, AssertionError) as error:
                    self.mistake = repr(error)
                    raise OSError("the fault is at fault") from error
                for each in frames:
                    way.host.sendall(each)
                if way.over:
                    break
        way.cut()


class _Way:
    """One connection, in both directions."""

    def __init__(self, host, server):
        self.host, self.server, self.over = host, server, False

    def cut(self):
        """Close both ends, after what has been sent."""
        self.over = True
        for sock in (self.host, self.server):
            _shut(sock)


def _shut(sock):
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)


def _exactly(sock, n):
    content = b""
    while len(content) < n:
        piece = sock.recv(n - len(content))
        if not piece:
            return b""
        content += piece
    return content
