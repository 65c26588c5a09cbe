"""What an editor in a browser asks: the answers are those of the compiler and of `dagflow.ide`."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

import dagflow
from dagflow import Catalog, Service
from dagflow.web import app
from tests.web.calling import Browser, by_header

TEXT = """flow greet(name: string, polite: bool) -> string {
  on manual
  if polite {
    hello = log(message: "good day ${name}")
  }
  return "hello ${name}"
}

test "politely" for greet {
  given (name: "Ada", polite: true)
  expect run.output == "hello Ada"
}
"""


@pytest.fixture
async def browser() -> AsyncGenerator[Browser]:
    async with Service.open(":memory:", catalog=Catalog.builtin()) as service:
        yield Browser(app(service, authorize=by_header), {"x-role": "editor"})


async def test_a_text_is_checked(browser: Browser) -> None:
    for body in ({"text": TEXT}, {"text": TEXT, "document": "a", "exact": True}, {"text": TEXT, "document": "a"}):
        found = (await browser.post("/editor/check", body)).value
        assert found == {"diagnostics": [], "flows": ["greet"], "tests": ["politely"]}
    broken = TEXT.replace("${name}", "${nam}", 1)
    (wrong,) = (await browser.post("/editor/check", {"text": broken, "document": "a"})).value["diagnostics"]
    assert (wrong["start"]["offset"], broken[wrong["start"]["offset"] : wrong["end"]["offset"]]) == (
        broken.index("nam}"),
        "nam",
    )
    assert [wrong] == dagflow.compile(broken).to_json()


async def test_names_are_completed_and_described(browser: Browser) -> None:
    at = TEXT.index("${name}") + 3
    found = (await browser.post("/editor/complete", {"text": TEXT, "offset": at})).value["completions"]
    assert (found[0]["label"], found[0]["start"], found[0]["end"]) == ("name", at - 1, at + 3)
    hover = (await browser.post("/editor/hover", {"text": "# 😀\n" + TEXT, "offset": at + 4})).value
    assert ("string" in hover["text"], hover["start"], hover["end"]) == (True, at + 3, at + 7)
    assert (await browser.post("/editor/hover", {"text": TEXT, "offset": 0})).value == {"text": None, "start": 0, "end": 0}
    for offset in (-1, len(TEXT) + 1):
        refused = await browser.post("/editor/hover", {"text": TEXT, "offset": offset})
        assert refused.value["places"] == [{"at": "$.offset", "message": f"must be 0 to {len(TEXT)}, the length of the text"}]


def applied(text: str, edits: list[dict[str, object]]) -> str:
    for each in reversed(edits):
        text = text[: int(str(each["start"]))] + str(each["text"]) + text[int(str(each["end"])) :]
    return text


async def test_a_text_is_formatted(browser: Browser) -> None:
    loose = TEXT.replace("  if", "      if")
    found = (await browser.post("/editor/format", {"text": loose})).value
    assert found["text"] == TEXT == applied(loose, found["edits"])
    assert (await browser.post("/editor/format", {"text": "flow {{{"})).value["code"] == "flow_invalid"


async def test_a_flow_is_changed_by_its_text(browser: Browser) -> None:
    text = 'flow f() {\n  on manual\n  a = log(message: "1")\n  b = log(message: "2")\n}\n'
    changes = [
        {"kind": "add", "text": 'c = log(message: "3")', "place": {"at": "end"}},
        {"kind": "add", "text": 'd = log(message: "4")', "place": {"at": "after", "step": "a"}},
        {"kind": "rename", "step": "b", "to": "e"},
        {"kind": "move", "step": "c", "place": {"at": "before", "step": "a"}},
        {"kind": "connect", "step": "e", "after": ["a", "d"], "join": "any"},
        {"kind": "argument", "step": "a", "name": "message", "value": '"5"'},
        {"kind": "remove", "step": "c"},
    ]
    found = (await browser.post("/editor/edit", {"text": text, "changes": changes})).value
    assert found["text"] == applied(text, found["edits"])
    for part in ('a = log(message: "5")', 'd = log(message: "4")', "after any(a, d)", "was b"):
        assert part in found["text"], found["text"]
    assert "c =" not in found["text"]
    assert found["diagnostics"] == dagflow.compile(found["text"]).to_json()


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"kind": "remove"}, 422, "does_not_fit"),
        ({"kind": "paint"}, 422, "does_not_fit"),
        ({"kind": "move", "step": "hello", "place": {"at": "after"}}, 422, "does_not_fit"),
        ({"kind": "remove", "step": "nobody"}, 400, "bad_request"),
        ({"kind": "add", "text": "}}}", "place": {"at": "end"}}, 422, "flow_invalid"),
    ],
)
async def test_a_change_that_cannot_be_made_says_why(browser: Browser, change: object, status: int, code: str) -> None:
    refused = await browser.post("/editor/edit", {"text": TEXT, "changes": [change]})
    assert (refused.status, refused.value["code"]) == (status, code), refused.value


async def test_a_flow_is_rehearsed_and_tested(browser: Browser) -> None:
    body = {"text": TEXT, "input": {"name": "Ada", "polite": False}}
    run = (await browser.post("/editor/dry-run", body)).value["run"]
    assert (run["status"], run["output"]) == ("succeeded", "hello Ada")
    assert "hello" in [each["step"] for each in run["pruned"]]
    assert (await browser.post("/editor/dry-run", {"text": TEXT})).value["code"] == "does_not_fit"
    (test,) = (await browser.post("/editor/test", {"text": TEXT})).value["tests"]
    assert (test["name"], test["passed"], test["problems"]) == ("politely", True, [])
    wrong = TEXT.replace('"hello Ada"', '"hello Bob"')
    (test,) = (await browser.post("/editor/test", {"text": wrong, "test": "politely"})).value["tests"]
    assert (test["passed"], "not so" in test["problems"][0]) == (False, True)
    assert (await browser.post("/editor/test", {"text": TEXT, "test": "rudely"})).value["code"] == "bad_request"


async def test_pictures_are_laid_out(browser: Browser) -> None:
    drawn = (await browser.post("/editor/graph", {"text": TEXT})).value
    spans = {each["key"]: (each["start"], each["end"]) for each in drawn["shapes"]}
    start, end = spans["hello"]
    assert TEXT[start:end].startswith("hello = log(")
    for box in (*drawn["shapes"], *drawn["frames"]):
        assert 0 <= box["x"] <= box["x"] + box["width"] <= drawn["width"]
        assert 0 <= box["y"] <= box["y"] + box["height"] <= drawn["height"]
    keys = {each["key"] for each in (*drawn["shapes"], *drawn["frames"])}
    assert {end for each in drawn["lines"] for end in (each["source"], each["target"])} <= keys
    await browser.post("/flows", {"text": TEXT})
    assert (await browser.get("/flows/greet/graph")).value == drawn
    operator = {"x-role": "operator", "content-type": "application/json"}
    started = await browser.post("/flows/greet/start", {"input": {"name": "Ada", "polite": False}}, operator)
    run = started.value["run"]
    await browser.get(f"/runs/{run}/wait")
    tones = {each["key"]: each["tone"] for each in (await browser.get(f"/runs/{run}/graph")).value["shapes"]}
    assert tones["hello"] == "off"
    refused = await browser.post("/editor/graph", {"text": TEXT.replace("polite {", "rude {")})
    assert (refused.status, refused.value["diagnostics"][0]["code"][0]) == (422, "E")
