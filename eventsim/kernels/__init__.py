"""Arithmetic that compiles to vector instructions: products, activations, sums, random numbers, Adam."""
