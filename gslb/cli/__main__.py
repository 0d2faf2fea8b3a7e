"""`python -m gslb.cli` is `gslb`."""

import sys

from gslb.cli.main import main

sys.exit(main())
