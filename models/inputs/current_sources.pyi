"""Types of the compiled currents; see current_sources.pyx."""

from eventsim.trace import Floats, Ints

class CurrentSource:
    is_sine: bool
    def first_levels(self, n: int) -> Floats: ...

class Pieces(CurrentSource):
    def __init__(self, start: Floats, at_start: Floats, ramp: Floats, period: float) -> None: ...

class HeldNoise(CurrentSource):
    def __init__(self, mean: Floats, deviation: Floats, keep: Floats, key: Ints, step: float) -> None: ...

class Sine(CurrentSource):
    def __init__(self, amplitude: Floats, omega: Floats, phase: Floats) -> None: ...
    @property
    def shortest_period(self) -> float: ...
