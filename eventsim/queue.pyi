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
    def verify(self) -> None:
        """Check every invariant that order and memory rest on."""

class CrossingHeap:
    """At most one predicted time per slot, the least (time, slot) on top; keys change in place."""

    @property
    def n_slots(self) -> int: ...
    @property
    def n_predicted(self) -> int: ...
    def add_slots(self, n: int) -> None:
        """Make n more slots."""
    def predict(self, slot: int, time: float) -> None:
        """Set, change or with inf remove the time of a slot."""
    def top(self) -> tuple[float, int] | None:
        """Return the least (time, slot), or None."""
    def verify(self) -> None:
        """Check the order of the heap and that every slot knows its place."""
