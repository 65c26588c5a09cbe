"""URLs: one parser for what is checked and for what is connected to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dagflow.model.destinations import HostPattern
from dagflow.model.urls import parse_url


@pytest.mark.parametrize(
    ("text", "host", "port", "netloc", "target"),
    [
        ("https://api.example.com/v1/x?q=1#part", "api.example.com", 443, "api.example.com", "/v1/x?q=1"),
        ("HTTP://API.Example.com:80", "api.example.com", 80, "api.example.com", "/"),
        ("https://api.example.com:8443/a/../b", "api.example.com", 8443, "api.example.com:8443", "/b"),
        ("https://exämple.com/ü", "xn--exmple-cua.com", 443, "xn--exmple-cua.com", "/%C3%BC"),
        ("http://[::1]:8080/", "::1", 8080, "[::1]:8080", "/"),
        # Every spelling of an address is that address.
        ("http://0x7f.1/", "127.0.0.1", 80, "127.0.0.1", "/"),
        ("http://①②⑦.⓪.⓪.①/", "127.0.0.1", 80, "127.0.0.1", "/"),
    ],
)
def test_the_parts_of_a_url(text: str, host: str, port: int, netloc: str, target: str) -> None:
    url = parse_url(text)
    assert (url.host, url.port, url.netloc, url.target) == (host, port, netloc, target)
    assert url.origin == (text.partition(":")[0].lower(), host, port)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("api.example.com/x", "not a URL"),
        ("ftp://api.example.com/", "not an http or https address"),
        ("mailto:a@example.com", "not an http or https address"),
        ("https://user:pass@api.example.com/", "a name or a password"),
        ("https://evil.example\\@api.example.com/", "a backslash"),
        ("https://api.example.com\\@evil.example/", "a backslash"),
        ("https://api.example.com\t.evil.example/", "a control character"),
        ("https://api.example.com /", "a space"),
        ("https://api.example.com:99999/", "not a URL"),
        ("https://a/" + "x" * 70_000, "longer than"),
    ],
)
def test_texts_that_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_url(text)


def test_a_reference_is_read_from_the_url_it_came_with() -> None:
    url = parse_url("https://api.example.com/a/b?x=1")
    assert url.join("../c").text == "https://api.example.com/c"
    assert url.join("//other.example/d").host == "other.example"
    with pytest.raises(ValueError, match="backslash"):
        url.join("/\\evil.example")


@given(st.text(alphabet="htps:/\\@.?#aevil:0189[]\t ", max_size=40))
def test_a_host_that_is_admitted_is_the_host_that_is_connected_to(rest: str) -> None:
    text = f"https://{rest}"
    if HostPattern.parse("evil.ai").admits(text):
        assert parse_url(text).host.rstrip(".") == "evil.ai"
