"""Settings of all tests: no test fails because a machine is slow."""

from hypothesis import settings

settings.register_profile("eventsim", deadline=None)
settings.load_profile("eventsim")


def pytest_addoption(parser):
    """Add the number of damaged files to read."""
    parser.addoption("--mutations", type=int, default=400, help="damaged files to read; 5000 are all")
