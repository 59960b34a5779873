"""Modules of the page by themselves, in a browser: OSC, the pad's morphs, faders, the player, spectra."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pythonosc.osc_bundle import OscBundle
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from plugin_bridge.control.parameters import PARAMETERS
from tests.conftest import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route

PAGE = ROOT / "plugin_bridge" / "panel" / "page"
TYPES = {".js": "text/javascript", ".html": "text/html"}


@pytest.fixture
def run(new_page: Callable[..., Page]) -> Callable[..., Any]:
    """Evaluate an expression with the modules of the page as names: `run("osc.read(...)", "osc")`."""
    page = new_page()

    def serve(route: Route) -> None:
        path = PAGE / route.request.url.rsplit("/", 1)[1]
        body = path.read_text("utf-8") if path.is_file() else "<!doctype html><title>modules</title>"
        route.fulfill(body=body, content_type=TYPES.get(path.suffix, "text/html"))

    page.route("http://panel.test/**", serve)
    page.goto("http://panel.test/")

    def evaluate(expression: str, *modules: str, given: object = None) -> Any:  # noqa: ANN401 - what JSON can hold
        imports = "".join(f"const {name} = await import('/{name}.js');" for name in modules)
        return page.evaluate(f"async (given) => {{ {imports} return {expression}; }}", given)

    return evaluate


def test_a_message_is_read_by_another_program(run: Callable[..., Any]) -> None:
    packet = bytes(run("[...osc.message('/param/gain', 0.1, 'ä', true, false, '#7')]", "osc"))
    found = OscMessage(packet)
    assert found.address == "/param/gain"
    assert found.params == [0.1, "ä", True, False, "#7"]


def test_messages_sent_together_are_a_bundle_for_now(run: Callable[..., Any]) -> None:
    packet = bytes(run("[...osc.bundle([osc.message('/a', 1), osc.message('/long/er', 'x')])]", "osc"))
    found = OscBundle(packet)
    assert found.timestamp == 0  # at once
    assert [(one.address, one.params) for one in found] == [("/a", [1.0]), ("/long/er", ["x"])]


def test_what_another_program_wrote_is_read(run: Callable[..., Any]) -> None:
    inner, outer = OscBundleBuilder(IMMEDIATELY), OscBundleBuilder(IMMEDIATELY)
    rows: list[tuple[str, float | str | None]] = [
        ("i", -3),
        ("f", 0.5),
        ("d", 0.1),
        ("h", 2**40),
        ("s", "né"),
        ("T", True),
        ("F", False),
        ("N", None),
    ]
    builder = OscMessageBuilder("/all/types")
    for kind, value in rows:
        builder.add_arg(value, kind)
    inner.add_content(builder.build())
    outer.add_content(OscMessageBuilder("/first").build())
    outer.add_content(inner.build())
    found = run("osc.read(new Uint8Array(given).buffer)", "osc", given=list(outer.build().dgram))
    assert found == [
        {"address": "/first", "values": []},
        {"address": "/all/types", "values": [value for _, value in rows]},
    ]


def test_a_malformed_packet_is_refused(run: Callable[..., Any]) -> None:
    attempt = "new Promise(() => osc.read(new Uint8Array(given).buffer)).catch((fault) => fault.name)"
    whole = OscMessageBuilder("/x")
    whole.add_arg(1.0)
    for packet in (whole.build().dgram[:-2], b"/abc", b"#bundle\0" + bytes(8) + b"\0\0\1\0/x\0\0"):
        assert run(attempt, "osc", given=list(packet)) == "RangeError"


@pytest.mark.parametrize("count", [2, 3, 5, 9])
def test_the_pad_morphs_without_a_jump_except_where_three_singers_are_equally_near(
    run: Callable[..., Any], count: int
) -> None:
    """Along a line across the pad no singer's share changes faster than the line is long."""
    shares = run(
        """(() => {
          const places = morphing.markers(given);
          return Array.from({ length: 2001 }, (_, n) => {
            const found = morphing.morphAt({ x: n / 2000, y: 0.37 }, places);
            const row = places.map(() => 0);
            row[found.from] += 1 - found.morph;
            row[found.to] += found.morph;
            return row;
          });
        })()""",
        "morphing",
        given=count,
    )
    steps = np.abs(np.diff(np.array(shares), axis=0))
    assert np.allclose(np.sum(shares, axis=1), 1.0)
    assert steps.max() < 0.05


def test_a_singer_is_alone_on_its_marker_and_two_are_equal_between_them(run: Callable[..., Any]) -> None:
    alone, between, turned = run(
        """(() => {
          const places = morphing.markers(3);
          const middle = { x: (places[1].x + places[2].x) / 2, y: (places[1].y + places[2].y) / 2 };
          const found = morphing.morphAt(middle, places);
          const turned = morphing.asNamed({ from: 2, to: 1, morph: 0.2 }, { from: 1, to: 2 });
          return [morphing.morphAt(places[1], places), found, turned];
        })()""",
        "morphing",
    )
    assert (alone["from"], alone["morph"]) == (1, 0)
    assert {between["from"], between["to"]} == {1, 2}
    assert between["morph"] == pytest.approx(0.5)
    assert turned == {"from": 1, "to": 2, "morph": 0.8}  # a morph that goes on keeps its names


def test_a_fader_of_the_page_stands_where_osc_says(run: Callable[..., Any]) -> None:
    rows = [row for row in PARAMETERS.values() if row.kind == "number"]
    given = [{"low": row.low, "high": row.high, "curve": row.curve} for row in rows]
    places = [0.0, 0.3, 1.0]
    values = run(
        f"given.map((row) => {places}.map((place) => scaling.valueAt(row, place)))", "scaling", given=given
    )
    assert values == [pytest.approx([row.from_unit(place) for place in places]) for row in rows]
    back = "given.rows.map((row, n) => given.values[n].map((value) => scaling.positionOf(row, value)))"
    assert run(back, "scaling", given={"rows": given, "values": values}) == [pytest.approx(places)] * len(
        rows
    )


def test_values_are_typed_as_people_write_them(run: Callable[..., Any]) -> None:
    row = {"low": -40, "high": 20, "unit": "dB", "words": ["auto"]}
    cases = {
        "-3,5": -3.5,
        "−3.5 dB": -3.5,
        " 12": 12,
        "4db": 4,
        "AUTO": "auto",
        "x": None,
        "": None,
        "1e": None,
    }
    found = run(
        "given.words.map((words) => scaling.typed(given.row, words))",
        "scaling",
        given={"row": row, "words": list(cases)},
    )
    assert dict(zip(cases, found, strict=True)) == cases
    assert run("scaling.written(given, -3.25)", "scaling", given=row) == "−3.25"
    assert run("scaling.written(given, -0.001)", "scaling", given=row) == "0"


_MOVED = """(async () => {
  const link = new EventTarget();
  Object.assign(link, { isOpen: true, sendTogether: () => true });
  const tell = (type, detail) => link.dispatchEvent(new CustomEvent(type, { detail }));
  const rest = () => new Promise((resolve) => setTimeout(resolve, 400)); // longer than an echo is kept back
  const kept = new store.Store(link);
  const address = "/param/gain";
  tell("heard", { address, values: [0] });
  kept.move(address, 1);
  kept.move(address, 2);
  await rest();
  const seen = [kept.get(address)];
  tell("heard", { address, values: [0.5] }); // on its way before the moves came
  tell("heard", { address, values: [1], isAnswer: true });
  await rest();
  seen.push(kept.get(address));
  tell(given, { address, values: [2], isAnswer: true, reason: "no" });
  tell("heard", { address, values: [-3] }); // another surface, a little later
  await rest();
  seen.push(kept.get(address));
  return seen;
})()"""


@pytest.mark.parametrize("answer", ["heard", "refused"])
def test_what_a_hand_moved_stays_until_the_server_has_answered(run: Callable[..., Any], answer: str) -> None:
    """However long that takes: a key pressed meanwhile goes on from where the hand is."""
    assert run(_MOVED, "store", given=answer) == [2, 2, -3]


_SWITCH = """(async () => {
  const context = new OfflineAudioContext(1, 48000, 48000);
  const tracks = given.map((level) => {
    const buffer = context.createBuffer(1, 48000, 48000);
    buffer.getChannelData(0).fill(level);
    return buffer;
  });
  const heard = new player.Player(context);
  heard.load(tracks);
  heard.play();
  const positions = [];
  context.suspend(0.5).then(() => { heard.choose(1); positions.push(heard.position); context.resume(); });
  const sound = await context.startRendering();
  return [...sound.getChannelData(0), ...positions];
})()"""
RATE = 48000


def test_source_and_result_change_places_without_a_gap_or_a_click(run: Callable[..., Any]) -> None:
    """Two tracks of 0.8 and 0.4: the sound only goes from the one to the other, within 25 ms."""
    sound = np.array(run(_SWITCH, "player", given=[0.8, 0.4]))
    switch = round(0.5 * RATE)
    assert sound[round(0.05 * RATE) : switch] == pytest.approx(0.8, abs=1e-3)
    assert sound[switch + round(0.025 * RATE) : RATE] == pytest.approx(0.4, abs=2e-3)
    assert np.diff(sound[switch:RATE]).max() < 1e-4
    assert np.abs(np.diff(sound[:RATE])).max() < 0.005
    assert sound[RATE] == pytest.approx(0.5, abs=0.003)  # the place that it tells


def test_magnitudes_are_those_of_numpy(run: Callable[..., Any]) -> None:
    frame = np.random.default_rng(1).standard_normal(256)
    found = run("[...fft.magnitudes(256)(given)]", "fft", given=frame.tolist())
    window = 0.5 - 0.5 * np.cos(2 * math.pi * np.arange(256) / 256)
    assert found == pytest.approx(np.abs(np.fft.rfft(frame * window)) / 64)
