"""A singer's voice as a plug-in you can script: everything users import stands here."""

from __future__ import annotations

from plugin_bridge.rooms import check_rooms

check_rooms()

__version__ = "0.1.0"
