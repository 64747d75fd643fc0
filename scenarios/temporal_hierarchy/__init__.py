"""Temporal hierarchy: fast membranes in the first layers of a spiking network, slow ones in the last."""
