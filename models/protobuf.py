"""Read and write protobuf messages field by field, without a schema: an ONNX file is one."""

from __future__ import annotations

from collections.abc import Iterator

MAX_FIELDS = 1 << 18
"""Of one message, those within its parts not counted; a file of ours has a hundred."""

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5
_MAX_VARINT_BYTES = 10


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield number and value of each field: a whole number, or bytes.

    Raises:
        ValueError: the message is cut short, is no protobuf message, or has more than `MAX_FIELDS` fields.
    """
    at, end, count = 0, len(message), 0
    while at < end:
        key, at = _varint(message, at)
        kind = key & 7
        count += 1
        if count > MAX_FIELDS:
            raise ValueError(f"a part has more than {MAX_FIELDS} fields")
        if kind == _VARINT:
            number, at = _varint(message, at)
            yield key >> 3, number
            continue
        if kind == _BYTES:
            length, at = _varint(message, at)
        elif kind in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if kind == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"a field is of the unknown kind {kind}")
        if length > end - at:
            raise ValueError("a field is cut short")
        yield key >> 3, message[at : at + length]
        at += length


def messages(message: memoryview) -> dict[int, list[memoryview]]:
    """Return the messages and strings in a message by their field numbers."""
    found: dict[int, list[memoryview]] = {}
    for number, value in fields(message):
        if isinstance(value, memoryview):
            found.setdefault(number, []).append(value)
    return found


def parts(message: memoryview, *path: int) -> Iterator[memoryview]:
    """Yield the messages or strings that lie below these field numbers, from the outermost in."""
    for number, value in fields(message):
        if number == path[0] and isinstance(value, memoryview):
            if len(path) == 1:
                yield value
            else:
                yield from parts(value, *path[1:])


def numbers(value: int | memoryview) -> Iterator[int]:
    """Yield the whole numbers of a repeated field, whether each is a field or all are packed into one."""
    if isinstance(value, int):
        yield value
        return
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        yield number


def field(number: int, value: int | bytes | memoryview) -> bytes:
    """Return a field as it is written."""
    if isinstance(value, int):
        return _written(number << 3 | _VARINT) + _written(value)
    return b"".join((_written(number << 3 | _BYTES), _written(len(value)), value))


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """Return a whole number and where the next thing begins."""
    if at < len(message) and message[at] < 0x80:  # nearly all are
        return message[at], at + 1
    number = 0
    for place, byte in enumerate(message[at : at + _MAX_VARINT_BYTES]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number, at + place + 1
    raise ValueError("a number is cut short")


def _written(number: int) -> bytes:
    written = bytearray()
    while number > 0x7F:
        written.append(number & 0x7F | 0x80)
        number >>= 7
    written.append(number)
    return bytes(written)
