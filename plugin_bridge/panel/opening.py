"""Where the panel is, and its opening in a browser where there is a desktop."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
import threading
import webbrowser


def address(host: str, port: int, token: str = "") -> str:
    """Return the address that a person opens.

    Args:
        host: the address that the server is bound to.
        port: of HTTP.
        token: that it asks for; empty for none.
    """
    if ipaddress.ip_address(host.partition("%")[0]).is_unspecified:
        host = _own_name()
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{port}/panel/" + (f"?token={token}" if token else "")


def open_page(where: str) -> bool:
    """Open an address in the browser; return False where there is no desktop to open it on."""
    if not has_desktop():
        return False
    threading.Thread(target=webbrowser.open, args=(where,), daemon=True).start()  # which may wait for its end
    return True


def has_desktop() -> bool:
    """Return whether a person sits at a display of this machine."""
    if os.environ.get("SSH_CONNECTION"):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _own_name() -> str:
    """Return what other machines reach this one by: the address of the way to the outside, else the name."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; an address of documents
            return str(probe.getsockname()[0])
        except OSError:
            return socket.gethostname()
