"""OSC on the wire: packets, patterns, framing, transports, limits."""
