"""Damaged files: each reader of the program answers with what is right, or with one line.

``python -m damage KIND`` damages one good file of a kind in thousands of ways, reads each in a process of its
own with limits of time and memory, and writes down every one that ends otherwise. The ordinary tests read a
few of each kind with the same code (`io/test_damaged_files.py`).
"""
