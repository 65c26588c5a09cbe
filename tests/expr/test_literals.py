"""Token texts and what they stand for."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.expr import literals
from dagflow.expr.literals import LiteralError
from dagflow.lang.expressions import evaluate_expression
from dagflow.model.values import Duration, UInt


@pytest.mark.parametrize(
    ("function", "text", "value"),
    [
        ("int", "0", 0),
        ("int", "9223372036854775808", 2**63),
        ("int", "0xFf", 255),
        ("int", "00000000000000000000000001", 1),
        ("uint", "18446744073709551615u", 2**64 - 1),
        ("uint", "0x1FU", 31),
        ("float", "1.5", 1.5),
        ("float", ".5", 0.5),
        ("float", "1e3", 1000.0),
        ("duration", "500ms", Duration(500_000_000)),
        ("duration", "1h30m", Duration(5_400_000_000_000)),
        ("duration", "1w2d", Duration(9 * 86_400_000_000_000)),
        ("duration", "1.5s", Duration(1_500_000_000)),
        ("string", '"a\\n\\x41\\u00e9\\U0001F600\\101\\\\"', "a\nAé😀A\\"),
        ("string", r"r'\n'", r"\n"),
        ("string", "'''a'b'''", "a'b"),
        ("string", '"""a\r\nb\rc"""', "a\nb\nc"),
        ("string", '""', ""),
        ("string", '"\\X41\\?\\`"', "A?`"),
        ("bytes", r"b'\xff\303\277é'", b"\xff\xc3\xbf\xc3\xa9"),
        ("bytes", r"br'\x'", rb"\x"),
        ("bytes", "B'A'", b"A"),
        ("escapes", r"a\$b\n", "a$b\n"),
    ],
)
def test_decodes(function: str, text: str, value: object) -> None:
    found = getattr(literals, f"decode_{function}")(text)
    assert found == value
    assert function != "uint" or type(found) is UInt


@pytest.mark.parametrize(
    ("function", "text", "offset"),
    [
        ("int", "9223372036854775809", 0),
        ("int", "9" * 10_000, 0),
        ("uint", "18446744073709551616u", 0),
        ("float", "1e999", 0),
        ("duration", "1m1h", 2),
        ("duration", "1h1h", 2),
        ("duration", "16000w", 0),
        ("duration", "1x", 0),
        ("string", r"'ab\q'", 3),
        ("string", r"'\ud800'", 1),
        ("string", r"'\U00110000'", 1),
        ("string", r"'\xZ'", 1),
        ("string", r"'\400'", 1),
        ("string", "'\\'", 1),
        ("string", "'\ud800'", 1),
        ("bytes", r"b'\u00e9'", 2),
        ("bytes", "br'\ud800'", 3),
        ("bytes", r"b'\$'", 2),
    ],
)
def test_refuses(function: str, text: str, offset: int) -> None:
    with pytest.raises(LiteralError) as found:
        getattr(literals, f"decode_{function}")(text)
    assert found.value.offset == offset
    assert found.value.message


def test_the_error_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(LiteralError("bad", 3)))
    assert (again.message, again.offset) == ("bad", 3)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_quoted_text_reads_back(text: str) -> None:
    assert literals.decode_string(evaluate_expression("strings.quote(s)", {"s": text})) == text


@given(st.binary())
def test_bytes_read_back(data: bytes) -> None:
    token = "b'" + "".join(f"\\x{byte:02x}" for byte in data) + "'"
    assert literals.decode_bytes(token) == data
