"""Benchmarks: work defined exactly, our time beside those of the peers that are installed.

Every module here measures one piece of work. It has

- ``SECONDS``: about how long it takes, as a whole and with ``--quick`` (see `eventsim.scenarios.benchmark`),
- ``run(plan)``: yields rows as soon as they are known, and announces what it measures next.

A row has the keys ``work``, ``system``, ``value``, ``unit``, where a work comes in sizes ``n``, and where the
line is to end with something said ``note``. Rows
whose system begins with "eventsim" are ours and come first; all others are peers, measured interleaved with
ours in the same process. ``eventsim bench`` prints them as one table.
"""
