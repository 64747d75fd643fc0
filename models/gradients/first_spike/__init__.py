"""Closed forms for layers of neurons that spike at most once, forward and backward."""
