"""The table of addresses as a page for people: `plugin-bridge params --osc` prints it."""

from __future__ import annotations

from collections.abc import Iterable

from plugin_bridge.osc.addresses.table import ADDRESSES, Address

_HEAD = """\
# OSC

Made by `plugin-bridge params --osc` from the tables in the code.

- **Set** by sending a value, **get** by sending no argument. Values stand in the unit of the table;
  `/unit` behind a parameter takes a fader's 0..1 instead. Numbers may come as `i`, `h`, `f` or `d`,
  switches as `T`, `F`, 0 or 1.
- **Answers** go to the address and port that a request came from: `/done ADDRESS VALUE...`, or `/fail
  ADDRESS REASON`, the address empty where none can be read. A last argument that is a word beginning with
  `#` names the request and comes back as the last argument of its answer.
- **Time tags**: a bundle's messages act together, those behind a `/preset/load` once it has loaded. Where ⏲
  stands below, one to come acts on the very sample; others are refused in such a bundle. One that comes late
  acts at once, in order with what is sent without a time tag, and is counted (`osc_late` of `/status`); one
  more than 60 s ahead is refused.
- **Patterns** (`?`, `*`, `[a-z]`, `[!a-z]`, `{one,two}`) stand for what can be read, never for a command
  or a note; each address answers. `//` is refused.
- **Buttons**: behind what a command takes may come a number or a switch, as control surfaces send it. Any but
  0 or `F` fires the command; 0 or `F`, from a button that is let go, does nothing and is answered by `F`.
- **Commands** that take a while (presets, bounces) do not hold up what is sent after them; `/sync` tells
  when they are done.
- **Nothing comes unasked**: values and meters are sent to subscribers only. A subscriber is an address
  and port, or a connection; `/subscribe 20 60 /param/* /meter/output` sends them for 60 s, at most 20
  times a second. Ask again to go on. Every value is sent at first, then those that change. A surface that
  listens at another port than it sends from names it: `/subscribe 20 60 9001 /param/*`.
- **Over a network** UDP carries no proof of who sent it. Until a host has shown that it receives, it is sent
  no more bytes than it sent, and cannot subscribe: `/token` and a number come instead of a longer answer.
  Send `/token` back with that number, then all is answered for an hour; `/token 0` asks for it. TCP and
  this machine's own programs need none.
- **TCP** takes SLIP (OSC 1.1) and 32-bit lengths (OSC 1.0), told apart by a connection's first byte,
  which must not be 0 for SLIP. What is malformed ends the connection, as does a packet that takes more than
  10 s to arrive.
- **Limits**: 2000 requests a second from one sender, 8000 at once, where a pattern counts as 32 and each
  address it fits as one; packets up to 64 KB of at most 1024 messages, bundles nested up to 8 deep.
  Arguments are of the types `i h f d s S c T F I N`; `b r m t` are read, and fit no address. Of more than
  64 subscribers or connections one gives way: of the host that has most, the one not heard for longest.
- **Many senders** are served in turn. Together they may change the sound 4000 times a second, 8000 times at
  once. Beyond that who asks for more than an equal share, 4000 divided by those that moved something within
  the last second, gets `/fail`, a bundle as a whole; what only reads, `/sync` and `/status` go on. Of several
  sets of a parameter that come for the same moment the last is heard; with time tags each has its sample.
- **Paths** of bounces and names of presets stay in the folders given at the start. `/bounce/start in.wav
  out.flac tail 2 transpose 12` takes as options `singer`, `preset`, `automation`, `pitch`, `bits`,
  `tail` (up to 60 s), `normalize`, `seed`, `force` and every parameter, each with a value. A preset with
  effects is refused, for plug-ins are programs, unless `live` was started with `--allow-effects`. What is
  made is its owner's alone to read. A folder of 1000 files and sessions takes no more, and 500 MB of the disk
  stay free.
- **OSCQuery** tells the same over HTTP, and zeroconf announces it, where both are turned on. It answers to
  this machine's own names and addresses only, so that no web page can read it under another.
"""
_PARTS = {
    "Parameters": ("value", "position"),
    "Notes": ("note",),
    "Commands": ("command",),
    "Meters and status": ("meter", "status"),
    "Sent to subscribers": ("notice",),
}


def page() -> str:
    """Return the page as Markdown, with every address."""
    parts = [_HEAD]
    for title, kinds in _PARTS.items():
        rows = [row for row in ADDRESSES.values() if row.kind in kinds]
        parts.append(f"\n## {title}\n\n| address | takes | range | |\n|---|---|---|---|\n")
        parts.extend(_lines(rows))
    return "".join(parts)


def _lines(rows: Iterable[Address]) -> Iterable[str]:
    for row in rows:
        path = f"`{row.path}`{' ⏲' if row.timed else ''}"
        takes = f"`{row.arguments}`" if row.arguments else ""
        yield f"| {path} | {takes} | {_range(row)} | {row.description} |\n"


def _range(row: Address) -> str:
    if row.words:
        return ", ".join(row.words)
    span = "" if row.low is None else f"{row.low:g}..{row.high:g}"
    return f"{span} {row.unit}".strip() or ("on, off" if row.types == "T" else "")
