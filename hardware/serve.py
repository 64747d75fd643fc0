"""The server by its address of the version before: ``python -m eventsim.hardware.serve``.

It is in `eventsim.hardware.remote.serve` now; this module goes with the next release.
"""

import sys

from eventsim.hardware.remote.serve import Limits, TargetServer, main

__all__ = ["Limits", "TargetServer", "main"]

if __name__ == "__main__":
    print("eventsim.hardware.serve is called eventsim.hardware.remote.serve now", file=sys.stderr)
    sys.exit(main())
