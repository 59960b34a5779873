"""Print the table of addresses as a page: `plugin-bridge params --osc` makes OSC.md."""

from __future__ import annotations

from collections.abc import Iterable

from plugin_bridge.osc.addresses.table import ADDRESSES, Address

_HEAD = """\
# OSC

Made by `plugin-bridge params --osc` from the tables in the code.

- **Set** an address by sending a value, **get** it by sending no argument. Values are in the unit of the
  table; `/unit` behind a parameter takes a fader's 0..1 instead. Numbers may come as `i`, `h`, `f` or `d`,
  switches as `T`, `F`, 1 or 0, words as `s`, `S` or `c`.
- **Answers** go to the address and port that a request came from: `/done ADDRESS VALUE...`, or `/fail
  ADDRESS REASON`, with an empty address where none could be read. A word beginning with `#` as the last
  argument names the request and comes back as the last argument of its answer.
- **Time tags**: the messages of a bundle act together, those after a `/preset/load` once it has loaded. An
  address marked ⏲ below acts on the very sample of a time tag that lies ahead; other addresses are refused in
  such a bundle. A bundle that comes late acts at once, in order with what is sent without a time tag, and is
  counted (`osc_late` of `/status`); one more than 60 s ahead is refused.
- **Patterns** (`?`, `*`, `[a-z]`, `[!a-z]`, `{one,two}`) match addresses that can be read, never a command
  or a note; each address answers. `//` is refused.
- **Buttons**: the arguments of a command may be followed by a number or a switch, as control surfaces send
  one. Anything but 0 or `F` fires the command; 0 or `F`, from a button that is released, does nothing and is
  answered by `F`. Where a command takes a `T` of its own, `F` in its place is refused.
- **Commands** that take a while (presets, bounces, enrolments, guides) do not hold up what is sent after
  them; `/sync` is answered when they are done.
- **Nothing comes unasked**: values and meters are sent to subscribers only. A subscriber is an address
  and port, or a connection; `/subscribe 20 60 /param/* /meter/output` sends them for 60 s, at most 20
  times a second. Subscribe again to go on. All values are sent at first, then those that change. A surface
  that listens on another port than it sends from names it: `/subscribe 20 60 9001 /param/*`.
- **Over a network** a UDP packet does not prove who sent it. Until a host has shown that it receives what is
  sent to it, it gets no more bytes than it sent, and cannot subscribe: instead of a longer answer it gets
  `/token` with a number. Once it has sent `/token` back with that number, it gets everything for an hour;
  `/token 0` asks for the number. TCP and programs on this machine need no token.
- **TCP** takes SLIP (OSC 1.1) and 32-bit lengths (OSC 1.0), told apart by a connection's first byte,
  which must not be 0 for SLIP. A malformed packet ends the connection, and so does one that takes more than
  10 s to arrive.
- **Limits**: 2000 requests a second from one sender, 8000 at once, where a pattern counts as 32 and each
  address it matches as one; packets up to 64 KB of at most 1024 messages, bundles nested up to 8 deep.
  Arguments have the types `i h f d s S c T F I N`; `b r m t` are read, but no address takes them. Beyond
  64 subscribers or connections one is dropped: of the host that has most, the one silent for longest.
- **Many senders** are served in turn. Together they may change the sound 4000 times a second, 8000 times at
  once. Beyond that, a sender that asks for more than an equal share, 4000 divided by the number of those that
  moved something within the last second, gets `/fail`, for a bundle as a whole; reading, `/sync` and
  `/status` go on. If a parameter is set several times for one moment, the last value is heard; with time tags
  each has its own sample.
- **Paths** of bounces and names of presets stay in the folders given at the start. `/bounce/start in.wav
  out.flac tail 2 transpose 12` takes as options `singer`, `preset`, `automation`, `pitch`, `bits`, `rate`,
  `tail` (up to 60 s), `normalize`, `loudness` (LUFS), `match_loudness`, `seed`, `force` and every parameter,
  each with a value. A preset with effects is refused unless `live` was started with `--allow-effects`,
  because plug-ins are programs. Only their owner can read the files that are made. Nothing more is made in a
  folder that holds 1000 files and sessions, or on a disk with less than 500 MB free.
- **Enrolment** makes a singer of half a minute of a voice: `/enrol/start maria` writes `maria.onnx` into the
  folder of bounces, from what was sung into the newest recording; `/enrol/start maria stem.wav licence CC0`
  names the recording or the stem, and takes as options `name`, `licence`, `attribution` and `force`, each
  with a value. `/singer/add maria` then adds it to the set, with the values in force: the sound goes on while
  the set is loaded anew, and is away while the device changes hands, about .2 s. It is refused while a
  session is being recorded. A row of the MIDI map that names the singer works from then on.
- **Guides**: `/guide/start band.wav guide.wav` writes a melody that fits the backing track `band.wav`, sung
  by the singer who sings now. Options, each with a value: `singer`, `seed`, `density`, `low`, `high`, `key`,
  `style`, `composer` and `lyrics`, as `plugin-bridge guide --help` explains them; `midi guide.mid` also
  writes the notes, `mix demo.wav` the guide with its backing; and `force`.
- **OSCQuery** describes all this over HTTP, and zeroconf announces it, where they are turned on. It answers
  to this machine's own names and addresses only, so that no web page can reach it under another name; where
  it asks for a token, as the panel does beyond this machine, to every name. What is refused is answered by
  `{"error": "one sentence"}`.
- **WebSocket**: the port of OSCQuery takes one on any path. A binary frame is an OSC packet, in both
  directions, with the answers, subscriptions and limits of TCP. `{"COMMAND": "LISTEN", "DATA": "/singer"}`
  sends the value now and at each change, at most 30 times a second, until `IGNORE`; text that begins with
  `/` asks as over HTTP. `PATH_CHANGED` with `/preset/load` says that there are other presets, with
  `/singer` another singer, with
  `/bounce/start` that a panel has sent a stem into the open folder. In a browser only this server's own pages
  get one. `CLIPMODE` is `none`: what is out of range is refused, not bent.
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
    return f"{span} {row.unit}".strip() or ("T, F" if row.types == "T" else "")
