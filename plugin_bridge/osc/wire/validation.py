"""Address validation for UDP: until a host has shown that it receives, it is sent no more than it sent.

The source address of a datagram can be forged. If the answer were longer, the server would amplify an attack
on whoever has that address. So a host is sent a token first, and is validated when it sends the token back
(as in QUIC, RFC 9000, section 8).
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

TOKEN = "/token"  # noqa: S105 - an address
VALID_SECONDS = 3600.0
_MAX_HOSTS = 1024
_MAX_CREDIT = 65_536


@lru_cache(maxsize=1024)
def is_local(host: str) -> bool:
    """Return whether an address is a loopback one, from which nobody outside can send."""
    address = ipaddress.ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or bool(mapped and mapped.is_loopback)


@dataclass(slots=True)
class _Stranger:
    credit: int = 0
    """Bytes received and not yet answered."""
    token: int = field(default_factory=lambda: secrets.randbelow(2**31))


class AddressValidation:
    """Keeps 1024 validated hosts and 1024 others; the oldest are forgotten first.

    Args:
        trusted: says which hosts need no validation.
        clock: seconds, only growing.
    """

    def __init__(
        self, trusted: Callable[[str], bool] = is_local, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._trusted = trusted
        self._clock = clock
        self._strangers: OrderedDict[str, _Stranger] = OrderedDict()
        self._valid_until: OrderedDict[str, float] = OrderedDict()

    def received(self, host: str, size: int) -> None:
        """Note a datagram of `size` bytes."""
        if not self.validated(host):
            stranger = self._stranger(host)
            stranger.credit = min(_MAX_CREDIT, stranger.credit + size)

    def allows(self, host: str, size: int) -> bool:
        """Return whether a datagram of `size` bytes may go to a host now, and count it as sent."""
        if self.validated(host):
            return True
        stranger = self._stranger(host)
        if size > stranger.credit:
            return False
        stranger.credit -= size
        return True

    def validated(self, host: str) -> bool:
        """Return whether a host has sent its token back within the last hour, or needs none."""
        return self._trusted(host) or self._valid_until.get(host, 0.0) > self._clock()

    def token(self, host: str) -> int:
        """Return the token that a host is to send back, 0..2^31 - 1."""
        return self._stranger(host).token

    def take(self, host: str, token: int) -> bool:
        """Take a token; return whether its host is validated now."""
        if self._trusted(host):
            return True
        if token != self._stranger(host).token:
            return False
        del self._strangers[host]
        self._valid_until[host] = self._clock() + VALID_SECONDS
        self._valid_until.move_to_end(host)
        while len(self._valid_until) > _MAX_HOSTS:
            self._valid_until.popitem(last=False)
        return True

    def _stranger(self, host: str) -> _Stranger:
        stranger = self._strangers.setdefault(host, _Stranger())
        self._strangers.move_to_end(host)
        while len(self._strangers) > _MAX_HOSTS:
            self._strangers.popitem(last=False)
        return stranger
