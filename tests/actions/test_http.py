from __future__ import annotations

import base64
import contextlib
import ipaddress
import json
import ssl
import sys
import threading
import time
from typing import Any
from urllib.parse import quote

import pytest
import trustme

from dagflow.actions import ActionFailed, Catalog, EnvironmentSecrets, Settings
from dagflow.actions.http_client.bodies import body_of
from dagflow.actions.http_client.connection import Answer
from dagflow.actions.http_client.egress_policy import AddressPolicy, is_refused
from dagflow.model.values import Secret as Handle
from tests.actions.calls import KEY, call
from tests.actions.servers import answer_with, http_sink

LOOPBACK = ipaddress.ip_network("127.0.0.0/8")
CANARY = "c4n4ry-t0ken-é"


def catalog_with(**changes: object) -> Catalog:
    contents = {"TOKEN": "c4n4ry-t0ken", "ODD": CANARY, "WORD": "test"}
    variables = {f"DAGFLOW_SECRET_{name}": content for name, content in contents.items()}
    secrets = EnvironmentSecrets(variables | dict.fromkeys((f"{name}_HOSTS" for name in variables), "http://127.0.0.1:*"))
    return Catalog.builtin(Settings(http_allow_networks=(LOOPBACK,), **changes), secrets=secrets)  # type: ignore[arg-type]


async def failure(catalog: Catalog, **arguments: object) -> ActionFailed:
    with pytest.raises(ActionFailed) as caught:
        await call(catalog, "http.request", **arguments)
    return caught.value


async def asked(**arguments: object) -> dict[str, Any]:
    result = await call(catalog_with(), "http.request", **arguments)
    assert isinstance(result, dict)
    return result


async def test_the_signature_is_as_documented():
    spec = catalog_with().interface.actions["http.request"]
    params = ", ".join(f"{field.name}: {field.type}" for field in spec.params)
    assert params == (
        'url: Url, method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD", '
        "headers: map<string, string>?, body: json?, token: Secret<string>?, token_as: string"
    )
    assert str(spec.result) == "{status: int, headers: map<string, string>, body: json, text: string, body_error: string?}"
    assert spec.takes_key


async def test_a_request_says_what_it_was_told():
    with http_sink(answer_with(201, b'{"id": 7}', {"Content-Type": "application/json", "X-A": "1"})) as sink:
        result = await call(
            catalog_with(),
            "http.request",
            url=sink.url + "/a?b=c#d",
            method="POST",
            headers={"X-B": "two"},
            body={"n": [1, None]},
            token=Handle("token"),
        )
    (request,) = sink.requests
    assert (request.method, request.path, json.loads(request.body)) == ("POST", "/a?b=c", {"n": [1, None]})
    assert {name: request.headers[name] for name in ("x-b", "idempotency-key", "authorization", "content-type", "host")} == {
        "x-b": "two",
        "idempotency-key": KEY,
        "authorization": "Bearer c4n4ry-t0ken",
        "content-type": "application/json",
        "host": sink.url.removeprefix("http://"),
    }
    assert isinstance(result, dict)
    assert (result["status"], result["body"], result["text"], result["headers"]["x-a"]) == (201, {"id": 7}, "", "1")


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"plain \xc3\xa9", "text/plain", (None, "plain é")),
        (b"plain \xe9", "text/plain; charset=latin-1", (None, "plain é")),
        (b"x", "text/plain; charset=nonsense", (None, "x")),
        (b"x", "text/plain; charset=zlib_codec", (None, "x")),
        (b'{"a": 1, "a": 2}', "application/json", (None, '{"a": 1, "a": 2}')),
        (b"[1]", "application/problem+json", ([1], "")),
        (b"", "application/json", (None, "")),
    ],
)
async def test_json_is_read_and_everything_else_is_text(body, kind, expected):
    with http_sink(answer_with(200, body, {"Content-Type": kind})) as sink:
        result = await call(catalog_with(), "http.request", url=sink.url)
    assert isinstance(result, dict)
    assert (result["body"], result["text"]) == expected


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
async def test_every_method_works_without_a_body(method):
    with http_sink(answer_with(200, b"hello")) as sink:
        result = await call(catalog_with(), "http.request", url=sink.url, method=method)
    assert isinstance(result, dict)
    assert result["text"] == ("" if method == "HEAD" else "hello")
    assert sink.requests[0].method == method


@pytest.mark.parametrize(
    ("answer", "code", "fatal", "delay"),
    [
        (answer_with(404, b"gone"), "http.404", True, None),
        (answer_with(500, b"oops"), "http.500", False, None),
        (answer_with(408), "http.408", False, None),
        (answer_with(429, b"", {"Retry-After": "3"}), "http.429", False, 3_000_000_000),
        (answer_with(429, b"", {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}), "http.429", False, None),
        (answer_with(200, b"", {"Content-Length": "2000000"}), "http.bad_answer", False, None),
        (answer_with(302, b"", {"Location": "http://[::1"}), "bad_url", True, None),
        (answer_with(302, b"", {"Location": "file:///etc/passwd"}), "bad_url", True, None),
        (answer_with(302, b"", {"Location": "/again"}), "http.too_many_redirects", True, None),
        (answer_with(302, b"", {"Location": "http://10.0.0.1/"}), "http.address_refused", True, None),
        (answer_with(307, b"", {"Location": "http://169.254.169.254/latest/meta-data"}), "http.address_refused", True, None),
        (answer_with(302, b"", {"Location": "//[::ffff:7f00:1]/"}), "http.address_refused", True, None),
        (lambda handler, _: handler.wfile.write(b"nonsense\r\n\r\n"), "http.bad_answer", False, None),
        (answer_with(200, b"", {f"X-{n}": "y" * 1_000 for n in range(200)}), "http.bad_answer", False, None),
    ],
)
async def test_what_a_server_answers_decides_about_a_retry(answer, code, fatal, delay):
    with http_sink(answer) as sink:
        found = await failure(catalog_with(), url=sink.url)
    assert (found.code, found.fatal, found.retry_after_ns) == (code, fatal, delay)


async def test_a_slow_server_is_given_up():
    release = threading.Event()
    with http_sink(lambda _handler, _request: release.wait(20) and None) as sink:
        found = await failure(catalog_with(timeout_seconds=0.1), url=sink.url)
        release.set()
    assert (found.code, found.fatal) == ("http.timeout", False)


async def test_a_dripping_server_is_given_up(monkeypatch):
    monkeypatch.setattr("dagflow.actions.builtin.http_request.TOTAL_SECONDS", 0.3)
    stop = threading.Event()

    def drip(handler, _request):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not stop.wait(0.01):
            handler.wfile.write(b"x")

    with http_sink(drip) as sink:
        found = await failure(catalog_with(), url=sink.url)
        stop.set()
    assert found.code == "http.timeout"


async def test_an_endless_body_is_cut():
    def endless(handler, _request):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    with http_sink(endless) as sink:
        result = await asked(url=sink.url)
    assert set(result["text"]) == {"x"}
    assert "the body is longer than 1048576 bytes; the rest was not read" in result["body_error"]


async def test_redirects_change_the_method_and_drop_what_is_personal():
    with http_sink(answer_with(200, b"there")) as other:

        def answer(handler, request):
            if request.path == "/same":
                answer_with(307, b"", {"Location": "/other"})(handler, request)
            elif request.path == "/other":
                answer_with(303, b"", {"Location": other.url})(handler, request)

        with http_sink(answer) as sink:
            arguments = {"method": "POST", "body": 1, "token": Handle("token"), "headers": {"Cookie": "a=b", "X-A": "b"}}
            result = await call(catalog_with(), "http.request", url=sink.url + "/same", **arguments)
    assert isinstance(result, dict)
    assert result["text"] == "there"
    first, second = sink.requests
    assert first.headers["authorization"] == second.headers["authorization"]
    assert (second.method, second.body) == ("POST", b"1")
    (last,) = other.requests
    assert (last.method, last.body, last.headers["x-a"]) == ("GET", b"", "b")
    assert not {"authorization", "cookie", "idempotency-key", "content-type"} & last.headers.keys()


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "x"},
        {"content-length": "1"},
        {"Transfer-Encoding": "chunked"},
        {"Proxy-Authorization": "x"},
        {"a b": "x"},
        {"": "x"},
        {"a:": "x"},
        {"A": "x\r\nB: y"},
        {"A": "x\ny"},
        {"A": "x\x00"},
        {"A": " x"},
        {"A": "é"},
        {"A": "x" * 9_000},
        {f"A{n}": "x" for n in range(60)},
    ],
)
async def test_headers_that_could_forge_a_request_are_refused(headers):
    with http_sink(answer_with()) as sink:
        found = await failure(catalog_with(), url=sink.url, headers=headers)
    assert (found.code, found.fatal, sink.requests) == ("bad_header", True, [])


async def test_a_secret_is_in_no_failure():
    def echo(handler, request):
        said = " ".join([request.headers["authorization"], base64.b64encode(b"c4n4ry-t0ken").decode(), quote("c4n4ry-t0ken")])
        answer_with(400, said.encode())(handler, request)

    with http_sink(echo) as sink:
        found = await failure(catalog_with(), url=sink.url, token=Handle("token"))
        odd = await failure(catalog_with(), url=sink.url, token=Handle("odd"))
    assert found.code == "http.400"
    for text in (repr(found), repr(found.__cause__), repr(odd), repr(odd.__context__)):
        assert "c4n4ry" not in text


async def test_an_answer_is_data_whatever_secret_it_was_asked_with():
    """A secret that is a common word is in data by chance, and data is what flows decide by."""
    words = {"env": "test", "latest": "attestation ok", "said": "Bearer c4n4ry-t0ken"}
    with http_sink(answer_with(200, json.dumps(words).encode(), {"Content-Type": "application/json"})) as sink:
        for token in ("token", "word"):
            result = await asked(url=sink.url, token=Handle(token))
            assert (result["body"], result["headers"]["content-type"]) == (words, "application/json")


@pytest.mark.parametrize(
    ("token_as", "header", "value"),
    [
        ("Bearer", "authorization", "Bearer c4n4ry-t0ken"),
        ("basic", "authorization", "Basic " + base64.b64encode(b"c4n4ry-t0ken").decode()),
        ("X-Api-Key", "x-api-key", "c4n4ry-t0ken"),
    ],
)
async def test_a_secret_goes_into_the_header_that_is_named_and_to_no_other_server(token_as, header, value):
    with http_sink(answer_with(200)) as other, http_sink(answer_with(307, b"", {"Location": other.url})) as sink:
        await asked(url=sink.url, token=Handle("token"), token_as=token_as)
    assert sink.requests[0].headers[header] == value
    assert header not in other.requests[0].headers


async def test_a_header_that_frames_the_request_carries_no_secret():
    for name in ("Host", "Content-Length", "x y"):
        found = await failure(catalog_with(), url="http://127.0.0.1:1/", token=Handle("token"), token_as=name)
        assert found.code == "bad_header"


@pytest.mark.parametrize("content", ["", " ", "token\n", " token"])
async def test_a_secret_that_is_no_header_is_told_so_before_anything_is_sent(content):
    catalog = Catalog.builtin(Settings(http_allow_networks=(LOOPBACK,)))
    catalog.secret("key", content, hosts=["http://127.0.0.1"])
    found = await failure(catalog, url="http://127.0.0.1/", token=Handle("key"), token_as="X-Api-Key")
    assert (found.code, found.fatal) == ("bad_header", True)


async def test_a_secret_goes_to_the_servers_it_is_bound_to_alone():
    with http_sink(answer_with(200)) as sink:
        for hosts, address, reason in (
            ([], sink.url, "is bound to no server, and `http.request` goes wherever a flow says"),
            (["api.example.com"], sink.url, "may not be sent to 127.0.0.1"),
            ([f"127.0.0.1:{sink.port}"], sink.url, "may not be sent to 127.0.0.1"),
            (["127.0.0.1"], "http://127.0.0.1/", "is sent to 127.0.0.1 by https only"),
        ):
            catalog = Catalog.builtin(Settings(http_allow_networks=(LOOPBACK,)))
            catalog.secret("key", "c4n4ry-t0ken", hosts=hosts)
            found = await failure(catalog, url=address, token=Handle("key"))
            assert (found.code, found.fatal) == ("secret_refused", True)
            assert reason in found.message
    assert sink.requests == []


JSON_KIND = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"n": 9223372036854775808}', "a number beyond 64 bits"),
        (b'{"n": 123456789012345678901234567890}', "a number beyond 64 bits"),
        (b'{"n": 1e400}', "a number beyond 64 bits"),
        (b'{"n": NaN}', "`NaN` is not valid JSON"),
        (b'{"a": 1, "a": 2}', 'the key "a" is there twice'),
        (b'{"a": "\\ud800"}', "half a surrogate pair"),
        (b"[" * 64 + b"]" * 64, "nested deeper than 64 levels"),
        (b"[" * 5_000 + b"]" * 5_000, "nested deeper than 64 levels"),
        (b"{", "Expecting property name"),
        (b"", "the body is empty"),
        (b'{"a": "\xff"}', "not in the encoding utf-8, from byte 7 on"),
    ],
)
async def test_json_that_cannot_be_kept_stays_a_text_and_says_why(content, reason):
    with http_sink(answer_with(200, content, JSON_KIND)) as sink:
        result = await asked(url=sink.url, method="POST")
    assert (result["status"], result["body"]) == (200, None)
    assert result["text"] == content.decode("utf-8", "replace")
    assert reason in result["body_error"]


async def test_a_byte_order_mark_is_no_part_of_json():
    with http_sink(answer_with(200, b'\xef\xbb\xbf{"a": 1}', JSON_KIND)) as sink:
        result = await asked(url=sink.url)
    assert (result["body"], result["text"], result["body_error"]) == ({"a": 1}, "", None)


@pytest.mark.parametrize(
    ("charset", "content", "text", "is_known"),
    [
        ("iso-8859-1", "é".encode("latin-1"), "é", True),
        ("Windows-1252", b"\x80", "€", True),
        ("utf-16", "é".encode("utf-16"), "é", True),
        ("Shift_JIS", "日".encode("shift_jis"), "日", True),
        *((name, b"abc", "abc", False) for name in ("punycode", "idna", "utf-7", "rot13", "zlib", "unicode_escape", "no-such")),
    ],
)
async def test_only_encodings_that_are_read_in_one_pass_are_used(charset, content, text, is_known):
    with http_sink(answer_with(200, content, {"Content-Type": f"text/plain; charset={charset}"})) as sink:
        result = await asked(url=sink.url)
    assert (result["text"], result["body_error"] is None) == (text, is_known)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text/plain; charset=punycode", b"a-" + b"9" * 1_000_000),
        ("text/plain; charset=big5", b"\xff" * 1_000_000),
        ("application/json", b'{"k":[' + b"[0]," * 250_000),
        ("application/json", b'{"k": "' + b"\x01" * 1_000_000),
        ("application/json", b"[" + b'"a",' * 250_000 + b"9" * 100 + b"]"),
        ("application/octet-stream", b"\xff\x00" * 500_000),
    ],
)
def test_no_body_takes_long_or_too_much_room(kind, content):
    before = time.process_time()
    body = body_of(Answer(200, {"content-type": kind}, content), is_expected=True)
    assert time.process_time() - before < 1.0
    assert body.error
    assert len(json.dumps(body.text, ensure_ascii=False).encode()) < 1024 * 1024


async def test_a_packed_answer_is_an_answer():
    with http_sink(answer_with(200, b"x", {"Content-Encoding": "gzip"})) as sink:
        result = await asked(url=sink.url, method="POST")
    assert (result["status"], result["text"]) == (200, "")
    assert "packed (gzip)" in result["body_error"]


async def test_a_body_has_a_limit():
    assert (await failure(catalog_with(), url="http://127.0.0.1/", body="x" * 1_100_000)).code == "http.request_too_large"


async def test_an_unknown_name_and_a_closed_port_may_be_tried_again():
    for url in ("http://no-such-host.invalid/", "http://127.0.0.1:1/"):
        found = await failure(catalog_with(), url=url)
        assert (found.code, found.fatal) == ("http.unreachable", False)


SPELLINGS = [
    # loopback and this host, as numbers
    "127.0.0.1", "127.0.0.2", "127.255.255.254", "2130706433", "0x7f000001", "017700000001", "0x7f.0.0.1", "0177.0.0.1", "127.1",
    "127.0.1", "0x7f.1", "0177.0.0.01", "0", "0.0.0.0", "0x0", "00", "0.0.0.1", "localhost", "LOCALHOST", "localhost.",
    # private, shared, link-local, metadata
    "10.0.0.1", "10.255.255.255", "0xa.1", "167772161", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.1", "3232235521",
    "100.64.0.1", "100.127.255.254", "169.254.0.1", "169.254.169.254", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376",
    "169.254.43518", "168.63.129.16", "100.100.100.200", "192.0.0.192",
    # special
    "192.0.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "255.255.255.254",
    # IPv6
    "[::]", "[::1]", "[0:0:0:0:0:0:0:1]", "[::127.0.0.1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::ffff:a9fe:a9fe]",
    "[::ffff:10.0.0.1]", "[::ffff:0:127.0.0.1]", "[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::1]", "[100::1]",
    "[2001::1]", "[2001:0:4136:e378:8000:63bf:3fff:fdd2]", "[2001:2::1]", "[2001:10::1]", "[2001:20::1]", "[2001:db8::1]",
    "[2002:7f00:1::]", "[2002:a9fe:a9fe::]", "[2002:a00:1::1]", "[3fff::1]", "[4000::1]", "[5f00::1]", "[fc00::1]", "[fd00::1]",
    "[fd00:ec2::254]", "[fe80::1]", "[febf::1]", "[fec0::1]", "[ff02::1]", "[ff0e::1]", "[::ffff:0.0.0.0]",
]  # fmt: skip
DISGUISES = [
    "http://①②⑦.⓪.⓪.①/", "http://１２７.０.０.１/", "http://127。0。0。1/", "http://ⓛocalhost/", "http://127.0.0.1.:80/",
    "http://user@127.0.0.1/", "http://example.com@127.0.0.1/", "http://127.0.0.1:80#@example.com/", "http://127.0.0.1?@example.com",
    "http://[fe80::1%25lo]/", "http://127.0.0.1%2f@example.com/", "http:\\\\127.0.0.1\\", "http:///127.0.0.1/", "file:///etc/passwd",
    "gopher://127.0.0.1:25/", "ftp://127.0.0.1/", "//127.0.0.1/", "http://127.0.0.1\t/", "http://%31%32%37.0.0.1/", "http://[::1]:80@a/",
]  # fmt: skip


@pytest.fixture(scope="module")
def connections():
    """Every address a socket was connected to, seen by the interpreter itself."""
    seen: list[object] = []
    is_on = [True]

    def hook(event, arguments):
        if is_on[0] and event == "socket.connect":
            seen.append(arguments[1])

    sys.addaudithook(hook)
    yield seen
    is_on[0] = False


@pytest.mark.parametrize(
    "url", [*(f"http://{host}/" for host in SPELLINGS), *(f"https://{host}:8443/" for host in SPELLINGS[:5]), *DISGUISES]
)
async def test_no_spelling_of_a_refused_address_is_connected_to(url, connections):
    connections.clear()
    catalog = Catalog.builtin(Settings())
    found = await failure(catalog, url=url)
    assert found.code in {"http.address_refused", "http.unreachable", "bad_arguments", "bad_url"}
    assert connections == []


async def test_a_redirect_is_checked_like_any_address():
    with http_sink(answer_with(302, b"", {"Location": "http://127.0.0.2:9/"})) as sink:
        catalog = Catalog.builtin(Settings(http_allow_networks=(ipaddress.ip_network("127.0.0.1/32"),)))
        assert (await failure(catalog, url=sink.url)).code == "http.address_refused"


def test_there_are_enough_spellings():
    assert len(SPELLINGS) + len(DISGUISES) >= 100


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
)
def test_public_addresses_are_let_through(address):
    assert not is_refused(ipaddress.ip_address(address))
    for port in (80, 443, 8080):
        assert AddressPolicy().refusal("example.com", port, [address]) is None
    for port in (22, 25, 993):
        assert "is not for HTTP" in str(AddressPolicy().refusal("example.com", port, [address]))


def test_one_bad_answer_refuses_all():
    policy = AddressPolicy()
    assert "is at 10.0.0.1" in str(policy.refusal("mixed.example", 80, ["8.8.8.8", "10.0.0.1"]))
    assert "no address" in str(policy.refusal("none.example", 80, []))
    assert "unknown kind" in str(policy.refusal("odd.example", 80, ["/run/socket"]))


def test_the_operator_s_exceptions_are_by_name_or_network():
    policy = AddressPolicy({"crm.internal"}, (ipaddress.ip_network("10.1.0.0/16"), LOOPBACK))
    assert policy.refusal("CRM.internal.", 25, ["192.168.0.1"]) is None
    assert policy.refusal("x", 25, ["10.1.2.3"]) is None
    assert policy.refusal("x", 80, ["10.2.0.1"]) is not None
    assert policy.refusal("x", 80, ["::ffff:10.1.2.3"]) is not None
    assert policy.refusal("x", 80, ["127.0.0.1", "::1"]) is not None


async def test_a_name_that_changes_its_address_is_checked_at_each_connection(monkeypatch):
    answers = [["127.0.0.1"], ["10.0.0.1"]]

    async def resolve(_host, _port):
        return answers.pop(0)

    monkeypatch.setattr("dagflow.actions.http_client.dial.resolved", resolve)
    with http_sink(answer_with(302, b"", {"Location": "/next"})) as sink:
        found = await failure(catalog_with(), url=f"http://rebinding.example:{sink.port}/")
    assert found.code == "http.address_refused"
    assert len(sink.requests) == 1


async def test_proxies_of_the_environment_are_not_used(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with http_sink(answer_with(200, b"direct")) as sink:
        result = await call(catalog_with(), "http.request", url=sink.url)
    assert isinstance(result, dict)
    assert result["text"] == "direct"


async def test_a_chunked_body_may_not_be_too_long_either():
    def chunked(handler, _request):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        size = 1024 * 1024 + 1
        handler.wfile.write(f"{size:x}\r\n".encode() + b"x" * size + b"\r\n0\r\n\r\n")

    with http_sink(chunked) as sink:
        result = await asked(url=sink.url)
    assert "longer than 1048576 bytes" in result["body_error"]


async def test_https_is_verified_and_bounded(tmp_path, monkeypatch):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with http_sink(answer_with(200, b"hello"), context=context) as sink:
        url = sink.url.replace("http:", "https:")
        assert (await failure(catalog_with(), url=url)).code == "http.unreachable"
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        result = await call(catalog_with(), "http.request", url=url)
    assert isinstance(result, dict)
    assert result["text"] == "hello"
