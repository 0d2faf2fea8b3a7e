"""The modules beside this file import each other by their bare names, as they do when show.py is run."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parent))
