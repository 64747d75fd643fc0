"""Neurons, inputs and learning rules, resolved on first use.

Nothing here keeps a list of parts: a public name of a module of this package is found by
looking into the modules, so adding a neuron touches its own file only.
"""
