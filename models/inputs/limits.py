"""Bounds of what sources are given: beyond them time would hardly advance from one spike to the next."""

LEAST_PERIOD = 1e-9  # time unit of the network
MOST_RATE = 1e10  # Hz
