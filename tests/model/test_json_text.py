from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.diagnostic import Span
from dagflow.model.wire.json_reader import JsonTextError, locate_json, parse_json
from tests.model.strategies import plain_json


def fault(text: str | bytes) -> JsonTextError:
    with pytest.raises(JsonTextError) as caught:
        parse_json(text)
    return caught.value


def attempt(text: str | bytes) -> tuple[object, JsonTextError | None]:
    try:
        return parse_json(text), None
    except JsonTextError as error:
        return None, error


@given(plain_json, st.sampled_from([None, 2]))
def test_good_text_reads_as_json_does_by_both_readers(value, indent):
    text = json.dumps(value, indent=indent)
    assert parse_json(text) == locate_json(text).value == value


@given(st.text(st.sampled_from('{}[]",:\\ \n\t1-+.eEtrufalsn\x00é\ud800'), max_size=30) | st.binary(max_size=20))
def test_any_text_gives_a_value_or_a_place(text):
    value, error = attempt(text)
    if error is None:
        assert json.loads(text) == value
    else:
        assert min(error.line, error.column) >= 1
        assert 0 <= error.span.start <= error.span.end


@given(plain_json, st.data())
def test_a_text_cut_or_spoilt_is_answered(value, data):
    text = json.dumps(value)
    at = data.draw(st.integers(0, len(text) - 1))
    for spoilt in (text[:at], text[:at] + text[at + 1 :], text[:at] + "§" + text[at:]):
        attempt(spoilt)


def test_spans_and_key_spans():
    text = '{"a": [1, {"b/c": "x"}]}'
    located = locate_json(text)
    shown = {pointer: text[span.start : span.end] for pointer, span in located.spans.items()}
    assert shown == {"": text, "/a": '[1, {"b/c": "x"}]', "/a/0": "1", "/a/1": '{"b/c": "x"}', "/a/1/b~1c": '"x"'}
    assert text[located.key_spans["/a/1/b~1c"].start :].startswith('"b/c"')


CASES = {
    '{"a": 1\n "b": 2}': (1, 8, 'a comma is missing; put a comma here, before `"b"` on line 2'),
    "[1 2]": (1, 3, "a comma is missing; put a comma here, before `2` on line 1"),
    '[{"a": 1} {"b": 2}]': (1, 10, "a comma is missing; put a comma here, before `{` on line 1"),
    '{"a" 1}': (1, 5, 'expected `:` after the key "a", found `1`'),
    '{"a": 1,}': (1, 8, "a comma with nothing after it; JSON allows no comma after the last part; remove it"),
    "[1,]": (1, 3, "a comma with nothing after it; JSON allows no comma after the last part; remove it"),
    '{"a": 1, "a": 2}': (1, 10, 'the key "a" is there twice; keep one of them'),
    "{a: 1}": (1, 2, 'keys must be in double quotes; write `"a"`'),
    "{'a': 1}": (1, 2, 'expected a key, found `\'`; write the key in double quotes, `"key"`'),
    "['a']": (1, 2, 'expected a value, found `\'`; write the text in double quotes, `"text"`'),
    "[a]": (1, 2, '`a` is not valid JSON; write the text in double quotes, `"a"`'),
    "[None]": (1, 2, "`None` is not valid JSON; write `null`"),
    "[True]": (1, 2, "`True` is not valid JSON; write `true`"),
    "[NaN]": (1, 2, "`NaN` is not valid JSON; JSON has finite numbers only"),
    "[-Infinity]": (1, 2, "`-Infinity` is not valid JSON; JSON has finite numbers only"),
    "[1e999]": (1, 2, "a number beyond 64 bits; write it as a text"),
    "[123456789012345678901234567890]": (1, 2, "a number beyond 64 bits; write it as a text"),
    "[18446744073709551616]": (1, 2, "a number beyond 64 bits; write it as a text"),
    "[01]": (1, 2, "`01` is not a JSON number"),
    "[1.]": (1, 2, "`1.` is not a JSON number"),
    '["a\nb"]': (
        1,
        2,
        "a text that is never closed; close it with a double quote on the same line; a line break is written `\\n`",
    ),
    '["a\tb"]': (1, 4, "a control character in a text; write it as an escape, `\\t` or `\\u0001`"),
    r'["\x"]': (1, 2, "an escape JSON does not know; a backslash itself is written `\\\\`"),
    r'["\ud800"]': (1, 2, "half a surrogate pair is no character"),
    '{"a": [1': (1, 9, "the text ends before the `[` of line 1, column 7 is closed; add `]`"),
    "{": (1, 2, "the text ends before the `{` of line 1, column 1 is closed; add `}`"),
    '{"a": 1; "b"}': (1, 8, "expected `,` or `}`, found `;`"),
    "": (1, 1, "expected JSON, found nothing"),
    "1 2": (1, 3, "expected the end of the text, found `2`; put several values into one array, `[ … ]`"),
    "{} x": (1, 4, "expected the end of the text, found `x`"),
    "{, }": (1, 2, "expected a key, found `,`"),
}


@pytest.mark.parametrize("text", CASES)
def test_what_is_wrong_is_said_with_its_place(text):
    line, column, message = CASES[text]
    assert str(fault(text)) == f"line {line}, column {column}: {message}"


def test_bytes_have_to_be_utf_8():
    assert str(fault(b'{"a":\n "\xff"}')) == "line 2, column 3: not UTF-8 text; save it as UTF-8"


@pytest.mark.parametrize("text", ["[" * 65 + "]" * 65, '{"a":' * 65 + "1" + "}" * 65, "[" * 1_000_000])
def test_depth_beyond_64_is_refused(text):
    assert "nested deeper than 64 levels" in str(fault(text))


def test_64_levels_are_fine():
    assert parse_json("[" * 64 + "]" * 64)


def test_the_error_survives_pickling():
    error = pickle.loads(pickle.dumps(fault("[1 2]")))
    assert (error.message, error.span, error.pointer) == ("a comma is missing", Span(2, 2), "")


def test_long_things_are_shown_short():
    assert len(str(fault("[" + "x" * 1000 + "]"))) < 200
