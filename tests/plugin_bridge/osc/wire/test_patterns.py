"""Address patterns: each construct, against a slow reference, and none that takes long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugin_bridge.osc.addresses.table import ADDRESSES
from plugin_bridge.osc.wire.patterns import Pattern, is_pattern


@pytest.mark.parametrize(
    ("pattern", "address", "fits"),
    [
        ("/param/gain", "/param/gain", True),
        ("/param/gain", "/param/gai", False),
        ("/param/*", "/param/gain", True),
        ("/param/*", "/param/gain/unit", False),
        ("/param/*/unit", "/param/gain/unit", True),
        ("/param/g*n", "/param/gain", True),
        ("/param/*a*i*", "/param/gain", True),
        ("/param/*n*i*", "/param/gain", False),
        ("/param/????", "/param/gain", True),
        ("/param/???", "/param/gain", False),
        ("/*/*", "/param/gain", True),
        ("/*", "/param/gain", False),
        ("/param/[a-h]ain", "/param/gain", True),
        ("/param/[!a-h]ain", "/param/gain", False),
        ("/param/[hgf]ain", "/param/gain", True),
        ("/param/[z-a]ain", "/param/gain", False),
        ("/param/g[-a]in", "/param/gain", True),
        ("/param/{gain,mix}", "/param/mix", True),
        ("/param/{gain,mix}", "/param/morph", False),
        ("/param/{ga,g}{in,ain}", "/param/gain", True),
        ("/{meter,status}/{,l}{load,ate}", "/status/late", True),
        ("/param/**", "/param/x", True),
    ],
)
def test_a_pattern_fits_as_osc_says(pattern: str, address: str, *, fits: bool) -> None:
    assert Pattern(pattern).matches(address) is fits


@pytest.mark.parametrize(
    ("pattern", "part"),
    [
        ("/param/[ab", "close it"),
        ("/param/{a,b", "close it"),
        ("/param/a]", "opens nowhere"),
        ("/param/}a", "opens nowhere"),
        ("/{param/gain}", "close it"),
        ("//gain", "'//', which is not read"),
        ("/" + "*" * 128, "too long"),
        ("/[\x01-\U0010ffff]aram/gain", "not of printable ASCII"),
        ("/param/g\xe4in*", "not of printable ASCII"),
    ],
)
def test_a_wrong_pattern_is_refused(pattern: str, part: str) -> None:
    with pytest.raises(ValueError, match=part):
        Pattern(pattern)


def slow(pattern: str) -> str:
    """The same as a regular expression, which may take for ever where ours does not."""
    escaped = re.sub(r"\[!", "[^", pattern).replace("?", "[^/]").replace("*", "[^/]*")
    return re.sub(r"\{([^}]*)\}", lambda m: "(?:" + m[1].replace(",", "|") + ")", escaped)


PIECES = st.lists(
    st.sampled_from(["a", "b", "c", "/", "?", "*", "[ab]", "[!ab]", "[a-c]", "{a,bc}", "{ab,a,}"]), max_size=8
)


@given(PIECES, st.text("abc/", max_size=8))
def test_it_agrees_with_a_slow_reference(pieces: list[str], text: str) -> None:
    pattern, address = "/" + "".join(pieces), "/" + text
    if "//" not in pattern:
        assert Pattern(pattern).matches(address) is bool(re.fullmatch(slow(pattern), address))


def test_no_address_looks_like_a_pattern() -> None:
    assert not any(is_pattern(path) for path in ADDRESSES)
    assert all(is_pattern(text) for text in ("/a*", "/a?", "/[a]", "/{a}", "//a"))


def test_what_stalls_a_regular_expression_is_done_at_once() -> None:
    hostile = Pattern("/" + "*a" * 60)
    assert not any(hostile.matches("/" + "a" * 59 + "b" * k) for k in range(200))
