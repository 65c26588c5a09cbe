"""Whatever stands in a flow, a run or a mail: in a real browser it is words, and runs, styles and fetches nothing."""

from __future__ import annotations

import http.server
import itertools
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import dagflow
from dagflow.actions.builtin.templates import Templates
from dagflow.pictures.marks import Mark, Overlay, Tone
from dagflow.pictures.picture import draw_svg

CHROMIUM = shutil.which("chromium")
HIT = "document.documentElement.dataset.hit=1"
STARTS = [
    "",
    "</text>",
    "</title>",
    "</style>",
    "]]>",
    "-->",
    '">',
    "'>",
    "\\",
    "${1}",
    "{{",
    "&lt;",
    "</svg>",
    "</p>",
    "<![CDATA[",
]
ACTIVE = [
    "<script>HIT</script>",
    '<img src="URL" onerror="HIT">',
    '<svg onload="HIT"></svg>',
    "<style>@import url(URL); * { background: url(URL) }</style>",
    '<a href="javascript:HIT" id="a">x</a><script>a.click()</script>',
    '<iframe src="javascript:parent.HIT"></iframe>',
    '<foreignObject><body xmlns="http://www.w3.org/1999/xhtml"><img src="URL"/></body></foreignObject>',
    '<use href="URL#x"/><image href="URL"/>',
    '<animate attributeName="href" values="javascript:HIT"/>',
    '<base href="URL"><link rel="stylesheet" href="URL">',
    'x" onmouseover="HIT" autofocus onfocus="HIT',
    "<meta http-equiv=refresh content='0;url=URL'>",
    "<object data='URL'></object>",
    "\u003cscript\u003eHIT\u003c/script\u003e",
]


class _Quiet(http.server.BaseHTTPRequestHandler):
    """Remembers what is asked for, and has nothing."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def listening() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    handler = type("Handler", (_Quiet,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/foreign", asked
        finally:
            server.shutdown()
            thread.join()


def payloads(url: str) -> list[str]:
    return [start + active.replace("HIT", HIT).replace("URL", url) for start, active in itertools.product(STARTS, ACTIVE)]


def literal(text: str) -> str:
    return '"' + "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or c in '"\\$' else c for c in text) + '"'


def pictures(text: str) -> list[str]:
    """Pictures with the text wherever an author, a host or a run can put one."""
    flow = dagflow.compile(
        f"/// {text}\nflow f(t: string) {{\n  on manual\n  /// {text}\n  a = log(message: {literal(text)})\n"
        f"  filter t != {literal(text)}\n  wait event {literal('x/' + text[:80])} within 1d\n}}",
        catalog=dagflow.Catalog.builtin(),
    )
    found = [] if flow.has_errors else [flow.unwrap()]
    found.append(dagflow.compile('flow g { on manual\n a = log(message: "x") }', catalog=dagflow.Catalog.builtin()).unwrap())
    mark = Mark(Tone.BAD, text, (text, text))
    return [draw_svg(each, Overlay(title=text, marks={"a": mark})) for each in found]


def mails(text: str, folder: Path) -> list[str]:
    """The HTML of mails, with the text wherever a template may have it."""
    (folder / "mail.txt").write_text("Subject: x\n\nx\n", encoding="utf-8")
    (folder / "mail.html").write_text('<p>${x}</p><a title="${x}" href="https://example.org/${x}">${x}</a>', encoding="utf-8")
    return [Templates(folder, lambda _text, data: data["x"]).render("mail", {"x": text}).html]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["inline", "file", "mail"])
def test_a_browser_shows_words_and_does_nothing_else(tmp_path: Path, kind: str) -> None:
    assert CHROMIUM is not None, "this test needs Debian's chromium"
    with listening() as (url, asked):
        texts = payloads(url)
        assert len(texts) >= 200
        pages: list[Path] = []
        if kind == "file":
            for number, text in enumerate(texts[::42]):
                pages += [tmp_path / f"{number}.svg"]
                pages[-1].write_text(pictures(text)[0], encoding="utf-8")
        else:
            parts = [part for text in texts for part in (mails(text, tmp_path) if kind == "mail" else pictures(text))]
            assert len(parts) >= 200
            pages += [tmp_path / "page.html"]
            body = "\n".join(f"<div>{part}</div>" for part in parts)
            pages[-1].write_text(f"<!doctype html><meta charset=utf-8><title>calm</title><body>{body}", encoding="utf-8")
        for page in pages:
            command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom"]
            shown = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout
            assert "data-hit" not in shown.partition(">")[0] + shown.partition("<html")[2].partition(">")[0]
            assert len(shown) > 500
        assert asked == []


@pytest.mark.slow
def test_the_test_would_see_a_script_and_a_request(tmp_path: Path) -> None:
    assert CHROMIUM is not None, "this test needs Debian's chromium"
    with listening() as (url, asked):
        page = tmp_path / "page.html"
        page.write_text(f"<!doctype html><body><script>{HIT}</script><img src='{url}'>", encoding="utf-8")
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=3000", "--dump-dom"]
        shown = subprocess.run([*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True).stdout
        assert "data-hit" in shown.partition("<html")[2].partition(">")[0]
        assert asked == ["/foreign"]
