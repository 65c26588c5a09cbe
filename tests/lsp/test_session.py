"""The language server as an editor meets it: a real client, a real process, pipes between them."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from pathlib import Path

import pytest
from lsprotocol import types

from dagflow.lang.format.formatter import format as format_text
from tests.ide.texts import DECLARED, FILES, flow_of
from tests.lsp.client import Editor, applied, at, editor
from tests.lsp.latency import measure

URI = "untitled:lead.flow"

TYPED = """type Status = "new" | "won"
type Lead { name: string, email: Email, status: Status }

flow greet(lead: Lead) {
  filter lead.status == "won"
  mail = email(template: "hi", to: lead.email)
    retry 3 from 1s to 1m
  if lead.name != "" { note = log(message: "to ${lead.name}") }
  done = log(message: mail.message_id)
}
"""


async def typing(it: Editor, text: str) -> list[float]:
    """Every letter is answered, and every feature is asked along the way. Returns how long each took, in seconds."""
    took: list[float] = []
    await it.open(URI, "")
    for n in range(1, len(text) + 1):
        begun = time.perf_counter()
        await it.change(URI, text[:n])
        took.append(time.perf_counter() - begun)
        if n % 40 == 0 or n == len(text):
            await it.everything(URI, types.Position(text.count("\n", 0, n), n - (text.rfind("\n", 0, n) + 1)))
    return took


@pytest.mark.slow
def test_a_flow_is_typed_letter_by_letter(capsys: pytest.CaptureFixture[str]) -> None:
    async def session() -> list[float]:
        async with editor() as it:
            took = await typing(it, TYPED)
            assert await it.wait_until_settled(URI) == []
        return took

    took = sorted(asyncio.run(session()))
    with capsys.disabled():
        print(  # noqa: T201 - what it is for
            f"\n{len(took)} letters: p50 {statistics.median(took) * 1e3:.1f} ms, p95 {took[len(took) * 95 // 100] * 1e3:.1f} ms"
        )


def test_a_session() -> None:
    """The quick tier: one server is typed to, asked everything there is, and mends what it says is wrong."""

    async def session() -> None:
        async with editor() as it:
            await typing(it, TYPED[TYPED.index("flow") :][:60])
            await every_feature(it)
            await every_fix(it)

    asyncio.run(session())


GOOD = (
    DECLARED
    + """flow greet(lead: Lead) -> {sent: string}? {
  filter lead.status == "won"
  mail = email(template: "hi", to: lead.email)
  if vip: lead.score > 5 {
    gift = crm.update(id: lead.name, status: "won")
  }
  let ok = gift.?ok ?? false
  note = log(message: "😀 ${lead.name} ${ok}") after mail
  return {"sent": mail.message_id}
}

test "it goes out" for greet {
  given (lead: {"name": "A", "email": "a@b.co", "score": 9, "status": "won"})
  expect mail.ran && gift.ran
}
"""
)


async def every_feature(it: Editor) -> None:
    assert await it.open(URI, GOOD) == []
    doc, client = types.TextDocumentIdentifier(URI), it.client
    found = await it.everything(URI, at(GOOD, "to: lead.email", 10))
    assert "email: Email" in found["hover"].contents.value
    assert found["definition"].range.start == at(GOOD, "email: Email")
    where = {at(GOOD, mark).line for mark in ("email: Email", "to: lead", '"email": "a@b.co"')}
    assert {each.range.start.line for each in found["references"]} == where
    assert [each.name for each in found["outline"]] == ["Status", "Lead", "crm/lead", "crm.update", "greet", "it goes out"]
    assert found["hints"][0].label == ": {message_id: string}"
    assert "may not run" in [each.label for each in found["hints"]]
    assert {each.command.title for each in found["lenses"]} == {"graph", "run 1 test", "run test"}
    assert found["signature"].signatures[0].label.startswith("email(template: string, to: Email")
    assert len(found["tokens"].data) % 5 == 0
    assert len(found["foldings"]) >= 4
    assert found["selections"][0].parent is not None
    assert applied(GOOD, list(found["formatting"])) == format_text(GOOD)
    assert {each.label for each in found["completion"].items} >= {"email", "name", "status"}

    renamed = await client.text_document_rename_async(
        types.RenameParams(text_document=doc, position=at(GOOD, "mail ="), new_name="letter")
    )
    assert renamed is not None
    text = applied(GOOD, list((renamed.changes or {})[URI]))
    assert "letter = email(" in text
    assert "was mail" in text
    assert "after letter" in text
    assert "expect letter.ran" in text
    assert await it.change(URI, text) == []

    graph = await client.workspace_execute_command_async(types.ExecuteCommandParams("dagflow.graph", arguments=[URI, "greet"]))
    assert str(graph).startswith("flowchart TD")
    ran = await client.workspace_execute_command_async(
        types.ExecuteCommandParams("dagflow.runTests", arguments=[URI, "greet", None])
    )
    assert [each["passed"] for each in ran] == [True]  # type: ignore[index]
    assert it.messages == ["1 passed"]


async def every_fix(it: Editor) -> None:
    text = GOOD.replace("gift = crm.update(", "gift = crm.updaet(").replace("lead.email)", "lead.emial)")
    assert [each.code for each in await it.open(URI, text)] == ["E301", "E201"]
    doc, whole = types.TextDocumentIdentifier(URI), types.Range(types.Position(0, 0), types.Position(99, 0))
    found = await it.client.text_document_code_action_async(types.CodeActionParams(doc, whole, types.CodeActionContext([])))
    fixed = text
    for action in reversed(found or []):
        assert isinstance(action, types.CodeAction)
        assert action.edit is not None
        fixed = applied(fixed, list((action.edit.changes or {})[URI]))
    assert fixed == GOOD
    only = types.CodeActionContext([], only=[types.CodeActionKind.SourceFixAll])
    (every,) = await it.client.text_document_code_action_async(types.CodeActionParams(doc, whole, only)) or []
    assert isinstance(every, types.CodeAction)
    assert every.edit is not None
    assert applied(text, list((every.edit.changes or {})[URI])) == GOOD


@pytest.mark.slow
@pytest.mark.parametrize(("encoding", "column"), [("utf-8", 26 + 3), ("utf-16", 26 + 1), ("utf-32", 26)])
def test_columns_are_what_was_agreed_on(encoding: str, column: int) -> None:
    text = 'flow f() {\n  a = log(message: "😀" + nothing)\n}\n'

    async def session() -> None:
        async with editor(encodings=(encoding,)) as it:
            assert str(it.capabilities.position_encoding) in {
                encoding,
                f"PositionEncodingKind.{encoding.replace('-', '').title()}",
            }
            (found,) = await it.open(URI, text)
            assert found.range.start.character == column - 1

    asyncio.run(session())


@pytest.mark.slow
def test_nonsense_is_answered() -> None:
    """Texts that are none, places that are none, files that are not open: the server goes on."""
    chance = random.Random(7)
    nonsense = [
        "",
        "\n\n\n",
        "}" * 50,
        '"""',
        "flow",
        "flow f() {" * 30,
        "\x00\x01",
        "é" * 99,
        "((((",
        "// only",
        "\r\n\r",
        "😀" * 20,
        "${${${",
    ]

    async def session() -> None:
        async with editor() as it:
            await it.open(URI, "")
            for text in [*nonsense, *(_spoilt(chance) for _ in range(12))]:
                await it.change(URI, text)
                await it.everything(URI, types.Position(chance.randrange(40), chance.randrange(40)))
            await it.everything(URI, types.Position(10**6, 10**6))
            assert await it.change(URI, GOOD) == []
            assert it.logged == []
            assert (await it.everything("untitled:nobody", types.Position(0, 0)))["hover"] is None
            it.logged.clear()

    asyncio.run(session())


def _spoilt(chance: random.Random) -> str:
    text = chance.choice(FILES).read_text(encoding="utf-8")
    for _ in range(3):
        at_ = chance.randrange(len(text))
        text = text[:at_] + chance.choice(["{", "}", '"', "(", "\n", "=", "."]) + text[at_ + chance.randrange(30) :]
    return text


@pytest.mark.slow
def test_imports_are_followed(tmp_path: Path) -> None:
    (tmp_path / "shared.flow").write_text("/// Who.\ntype Person { name: string }\n")
    text = 'import "./shared.flow" as shared\n\nflow f(who: shared.Person) {\n  log(message: who.name)\n}\n'
    main, shared = (tmp_path / "main.flow").as_uri(), (tmp_path / "shared.flow").as_uri()

    async def session() -> None:
        async with editor() as it:
            assert await it.open(main, text) == []
            found = await it.everything(main, at(text, "Person"))
            assert found["definition"].uri == shared
            assert found["definition"].range.start == types.Position(1, 5)
            await it.open(shared, "type Person { nom: string }\n")
            version = it.said[main].version or 0
            while not it.said[main].diagnostics:
                del it.said[main]
                await it.wait_for(main, version)
            assert [each.code for each in it.said[main].diagnostics] == ["E301"]

    asyncio.run(session())


@pytest.mark.slow
def test_the_host_is_loaded_again(tmp_path: Path) -> None:
    """What `--actions` names is read again when a file changes; while it is broken, that is said once and nothing else breaks."""
    actions = tmp_path / "host.flow"
    actions.write_text("action ping() -> {ok: bool} pure\n")
    text = "flow f() {\n  a = ping()\n}\n"

    async def session() -> None:
        async with editor("--actions", str(actions)) as it:
            assert await it.open(URI, text) == []
            for content, codes in (("action pong() pure\n", ["E201"]), ("action pin", ["E201"]), ("action ping() pure\n", [])):
                actions.write_text(content)
                it.client.workspace_did_change_watched_files(
                    types.DidChangeWatchedFilesParams([types.FileEvent(actions.as_uri(), types.FileChangeType.Changed)])
                )
                version = it.said[URI].version or 0
                del it.said[URI]
                assert [each.code for each in await it.wait_for(URI, version)] == codes
            assert len(it.logged) == 1
            assert "host.flow" in it.logged.pop()

    asyncio.run(session())


@pytest.mark.slow
def test_a_burst_of_keys_is_looked_at_once() -> None:
    text = DECLARED + flow_of(60)

    async def session() -> None:
        async with editor() as it:
            await it.open(URI, text)
            seen: list[int] = []
            for n in range(1, 30):
                last = it.send(URI, text + "\n" * n)
            await it.wait_for(URI, last)
            seen.append(last)
            assert it.said[URI].version == last

    asyncio.run(session())


@pytest.mark.slow
@pytest.mark.parametrize("n_lines", [50, 100, 500, 1000])
def test_latency(n_lines: int, capsys: pytest.CaptureFixture[str]) -> None:
    """A keystroke in the middle of a flow, to the diagnostics in the editor. Printed, not judged: the machine has others."""
    took = measure(n_lines, 60)
    with capsys.disabled():
        print(f"\n{n_lines} lines: {took}")  # noqa: T201 - what it is for
