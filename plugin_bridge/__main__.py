"""`python -m plugin_bridge` is the command line."""

from __future__ import annotations

import sys

from plugin_bridge.cli import main

sys.exit(main())
