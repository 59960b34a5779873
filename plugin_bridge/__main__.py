"""`python -m plugin_bridge` is the command line."""

from __future__ import annotations

import sys

from plugin_bridge.cli import main

if __name__ == "__main__":  # the audio process of a live rig imports this module under another name
    sys.exit(main())
