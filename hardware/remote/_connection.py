"""One connection of a host to a target elsewhere: frames out, frames in, and no waiting for ever."""

import selectors
import socket
import time
from collections import deque

from eventsim.hardware.remote._frames import PREFIX_BYTES, Frame, decoded, sizes

__all__ = ["Connection"]

PIECE = 1 << 20


class Connection:
    """A socket that sends while it receives, so that neither side waits for the other to read.

    Raises
    ------
    OSError
        If nobody listens there, or not in time.
    """

    def __init__(self, address: tuple[str, int], timeout: float, most_body: int) -> None:
        self.most_body = most_body
        self._socket = socket.create_connection(address, timeout)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._socket, selectors.EVENT_READ)
        self._out: deque[memoryview] = deque()
        self._in = bytearray()

    def send(self, content: bytes) -> None:
        """Send a frame, at the latest while the next one is received."""
        self._out.append(memoryview(content))
        self._push()

    def receive(self, end: float) -> Frame:
        """Return the next frame.

        Parameters
        ----------
        end : float
            When to stop waiting, by `time.monotonic`.

        Raises
        ------
        TimeoutError
            If no whole frame is there by then.
        ConnectionError
            If the other side closed.
        FrameError
            If what came is no frame.
        """
        while True:
            frame = self._next()
            if frame is not None:
                return frame
            left = end - time.monotonic()
            if left <= 0:
                raise TimeoutError("no answer in time")
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._out else 0)
            self._selector.modify(self._socket, events)
            for _, ready in self._selector.select(left):
                if ready & selectors.EVENT_WRITE:
                    self._push()
                if ready & selectors.EVENT_READ:
                    self._pull()

    def close(self) -> None:
        """Close the socket; what has not been sent is dropped."""
        self._selector.close()
        self._socket.close()

    def _next(self) -> Frame | None:
        """Take the next frame out of what has come in, if it is complete."""
        if len(self._in) < PREFIX_BYTES:
            return None
        header, body, checksum = sizes(self._in[:PREFIX_BYTES], self.most_body)
        end = PREFIX_BYTES + header + body
        if len(self._in) < end:
            return None
        content = self._in[PREFIX_BYTES:end]
        del self._in[:end]
        return decoded(content, header, checksum)

    def _push(self) -> None:
        while self._out:
            try:
                sent = self._socket.send(self._out[0])
            except BlockingIOError:
                return
            if sent < len(self._out[0]):
                self._out[0] = self._out[0][sent:]
            else:
                self._out.popleft()

    def _pull(self) -> None:
        try:
            piece = self._socket.recv(PIECE)
        except BlockingIOError:
            return
        if not piece:
            raise ConnectionError("the connection was closed")
        self._in += piece
