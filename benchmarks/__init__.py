"""Benchmarks: work defined exactly, our figure beside those of the peers that are installed.

Every public module here measures one piece of work with ``run(repeats=5) -> list[dict]``. A row has
the keys ``work``, ``system``, ``figure``, ``unit`` and, where a work comes in sizes, ``n``. The rows of
``eventsim`` are ours, all others are peers, measured interleaved with ours in the same process.
``eventsim bench`` prints them as one table.
"""
