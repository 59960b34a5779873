"""Who may ask over HTTP: this server's own pages and programs, by a name of this machine, with its token."""

from __future__ import annotations

import hmac
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

_MAX_SHOWN = 100
TOKEN = "token"  # noqa: S105 - the name of the argument


class Guard:
    """Refuses in a sentence what a foreign web page can make a browser send.

    A page that reaches the server by DNS rebinding sends its own name as the host; one of another origin
    sends that. Programs that are no browsers send no origin. Where a token is asked for, it is what keeps
    such a page out: browsers bring a cookie to the name that set it only. Then any name is taken, for a
    network has names for this machine that the machine does not know.

    Args:
        token: what every request must bring, in its address or as a cookie; empty for none.
    """

    def __init__(self, token: str = "") -> None:
        self.token = token
        whole = socket.gethostname().lower()
        short = whole.partition(".")[0]
        self._names = {"localhost", whole, short, f"{short}.local"}

    def refusal(self, hosts: Sequence[str], origins: Sequence[str], address: str, *, moves: bool) -> str:
        """Return why a request is refused, empty if it is not.

        Args:
            hosts: the values of its Host headers.
            origins: those of its Origin headers.
            address: of this machine, at which it came in.
            moves: whether it may change something: then only a page of this very server may send it.
        """
        others = [
            origin for origin in origins if _place(origin) not in [host.strip().lower() for host in hosts]
        ]
        named = [(origin, origin) for origin in others]
        if not self.token:
            named = [(host, f"//{host}") for host in hosts] + named
        for text, url in named:
            if not self._is_own(url, address):
                return f"{text[:_MAX_SHOWN]!r} is no name of this machine; ask for {_asked(address)}"
        if moves and others:
            return f"{others[0][:_MAX_SHOWN]!r} is another page's address; open this server's own page"
        return ""

    def has_token(self, asked: Sequence[str], cookies: Mapping[str, str], port: int) -> bool:
        """Return whether a request brings the token, or needs none.

        Args:
            asked: what its address names as the token.
            cookies: by name.
            port: of the server, which the cookie's name holds: browsers send cookies to every port of a host.
        """
        brought = [*asked, cookies.get(cookie_of(port), "")]
        return not self.token or any(
            hmac.compare_digest(self.token.encode(), one.encode("utf-8", "replace")) for one in brought
        )

    def _is_own(self, url: str, address: str) -> bool:
        """Return whether the host that a header names is this one."""
        try:
            name = (urlsplit(url.strip().lower()).hostname or "").removesuffix(".")
        except ValueError:
            return False
        if name in self._names or name.endswith(".localhost"):
            return True
        try:
            found = ipaddress.ip_address(name)
        except ValueError:
            return False
        return found.is_loopback or found == ipaddress.ip_address(address.partition("%")[0])


def cookie_of(port: int) -> str:
    """Return the name of the cookie that holds the token."""
    return f"plugin_bridge_{port}"


def _place(origin: str) -> str:
    """Return the host and port of an origin, empty where it has none."""
    try:
        return urlsplit(origin.strip().lower()).netloc
    except ValueError:
        return ""


def _asked(address: str) -> str:
    """Return what a request names instead: the address it came in at, from another machine."""
    return "localhost" if ipaddress.ip_address(address.partition("%")[0]).is_loopback else address
