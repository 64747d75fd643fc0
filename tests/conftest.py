"""Settings of all tests: no test fails because a machine is slow."""

from hypothesis import settings

settings.register_profile("eventsim", deadline=None)
settings.load_profile("eventsim")
