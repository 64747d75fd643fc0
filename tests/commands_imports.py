"""What the server of `commands` imports, once: all that a run needs, and nothing that starts threads.

Parts that packages announce are not looked up, so that each command finds those on its own path.
"""

import importlib
import pkgutil
import sys

from eventsim import hardware, io, models, scenarios

for room in (scenarios, models, hardware, io):
    for found in pkgutil.walk_packages(room.__path__, f"{room.__name__}."):
        if not found.ispkg and ".report" not in found.name and "plots" not in found.name:
            try:
                importlib.import_module(found.name)
            except ImportError:  # of a package that is not installed
                continue
assert not {"torch", "jax", "dask", "bokeh", "matplotlib.pyplot"} & sys.modules.keys()
