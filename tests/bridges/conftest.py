"""Lets tests of this folder use the random networks of the tests of the gradient walk."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "models"))
