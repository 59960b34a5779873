"""The table of scores, and the same in JSON."""

from __future__ import annotations

import math

from plugin_bridge.measure.metricstable import CONVERSION, COPY, header, line, without_nan


def test_every_line_of_a_table_is_as_long_as_its_header() -> None:
    for columns in (CONVERSION, COPY):
        row = {
            column.field: -0.3456 if column.form else "a name longer than its column" for column in columns
        }
        above = header(columns).split("\n")
        lines = [*above, line(columns, row), line(columns, {"source": "MEAN"})]
        assert len({text.count("|") for text in lines}) == 1
        assert len({len(text) for text in lines}) == 1
    assert "-" in line(COPY, {"pesq": math.nan})
    assert "nan" not in line(COPY, {"pesq": math.nan})


def test_json_has_null_where_there_is_no_number() -> None:
    assert without_nan({"a": [1.5, math.nan, {"b": math.nan}], "c": "nan"}) == {
        "a": [1.5, None, {"b": None}],
        "c": "nan",
    }
