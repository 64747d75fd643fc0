"""What the engine keeps its future in; the Python methods are for tests."""

class EventQueue:
    """Events in total order by (time, order)."""

    def __len__(self) -> int: ...
    def add(self, time: float, order: int, cancellable: bool = False) -> int | None:
        """Store an event; returns its token, or None."""
    def drop(self, token: int) -> bool:
        """Cancel the event of a token; True if it was still stored."""
    def take(self) -> tuple[float, int] | None:
        """Remove the least event; returns (time, order), or None if there is none."""
    def layout(self) -> tuple[int, int, int, int, int]:
        """How many events are near, in buckets, beyond them, never, and the number of buckets."""
