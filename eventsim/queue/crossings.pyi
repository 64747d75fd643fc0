"""Predicted threshold crossings, one per slot; the Python methods are for tests."""

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
