"""Compiled loops of the layers, and how threads share a batch; a file for each family of layers."""
