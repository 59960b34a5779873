"""From recordings to networks; the only room that needs torch."""
