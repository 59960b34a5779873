"""The mirror: what was set last shows, however the news of an audio process comes."""

from __future__ import annotations

from plugin_bridge.control.events import Event
from plugin_bridge.live.rig.mirror import ParameterMirror

START = {"gain": 0.0, "mix": 1.0}


def test_what_is_set_while_an_audio_process_begins_goes_over_its_values() -> None:
    mirror = ParameterMirror()
    assert mirror.begin()["gain"] == 0.0
    mirror.send([Event(0, "gain", -9.0)], 1)
    mirror.start(START)
    assert (mirror.values["gain"], mirror.values["mix"]) == (-9.0, 1.0)
    assert mirror.begin()["gain"] == -9.0  # for the next one, where this one dies before it hears of it


def test_what_was_on_its_way_to_one_that_died_is_what_the_next_begins_with() -> None:
    mirror = ParameterMirror()
    mirror.send([Event(0, "gain", -9.0)], 1)
    mirror.start(mirror.begin())
    mirror.confirm([], [Event(0, "gain", -3.0)], 0)  # by MIDI; nothing that is still on its way hides it
    assert mirror.values["gain"] == -3.0


def test_older_news_do_not_hide_a_change_that_was_sent() -> None:
    mirror = ParameterMirror()
    mirror.send([Event(0, "gain", -9.0)], 2)
    mirror.confirm([Event(0, "gain", -1.0)], [Event(0, "gain", -2.0)], 1)
    assert mirror.values["gain"] == -9.0
    mirror.confirm([Event(0, "gain", -9.0)], [Event(0, "gain", -2.0)], 2)
    assert mirror.values["gain"] == -2.0
