"""What the server stands on, without a process: open texts, the files beside them, words of the protocol, the command."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from lsprotocol import types
from pygls.lsp.client import LanguageClient

from dagflow.app.simulation.editor_tests import run_tests
from dagflow.cli.main import main
from dagflow.diagnostic import Span
from dagflow.errors import UsageError
from dagflow.ide.completing import Completion, CompletionKind
from dagflow.ide.positions import Lines
from dagflow.lang.compiler import compile_text
from dagflow.lsp import conversion
from dagflow.lsp.documents import Document, Documents
from dagflow.model.action import Interface
from tests.ide.texts import ROOT, builtin

IMPORTING = 'import "./other.flow" as other\n\nflow f(a: other.A) {\n  log(message: a.b)\n}\n'


def documents() -> Documents:
    return Documents(builtin, pytest.fail)


def opened(where: Documents, path: Path, text: str) -> Document:
    return where.open(path.as_uri(), text, 1)


def test_files_beside_a_text(tmp_path: Path) -> None:
    where = documents()
    document = opened(where, tmp_path / "main.flow", IMPORTING)
    other = tmp_path / "other.flow"

    def codes() -> list[str]:
        document.analyst.refresh()
        return [each.code for each in document.analysis().diagnostics]

    assert codes() == ["E212"]
    other.write_text("type A { b: string }\n")
    assert codes() == []
    other.write_bytes(b"\xff\xfe")
    assert codes() == ["E212"]
    other.write_bytes(b"//" + b"x" * 5_000_000)
    assert codes() == ["E212"]
    other.unlink()
    outside = tmp_path.parent / "outside.flow"
    outside.write_text("type A { b: string }\n")
    other.symlink_to(outside)
    assert codes() == ["E212"]
    opened(where, other, "type A { b: string }\n")
    assert codes() == []
    assert list(document.imports()) == [outside.resolve()]


def test_who_imports_whom(tmp_path: Path) -> None:
    where = documents()
    main = opened(where, tmp_path / "main.flow", IMPORTING)
    other = opened(where, tmp_path / "other.flow", "type A { b: string }\n")
    main.analysis()
    assert where.importing(other) == [main]
    assert where.importing(main) == []
    loose = where.open("untitled:x", "flow f() { }", 1)
    assert where.importing(loose) == []
    assert list(loose.imports()) == []
    where.close("untitled:x")
    assert where.get("untitled:x") is None


def test_a_host_that_cannot_be_loaded_is_told_of_once() -> None:
    told: list[str] = []

    def load() -> Interface:
        raise UsageError("there is no such module")

    where = Documents(load, told.append)
    document = where.open("untitled:x", "flow f() {\n  a = email()\n}\n", 1)
    assert [each.code for each in document.analysis().diagnostics] == ["E201"]
    where.interface()
    assert told == ["there is no such module"]
    where.reload()
    assert len(told) == 2


def test_snippets_are_for_editors_that_have_them() -> None:
    lines = Lines("em")
    found = Completion("email", CompletionKind.ACTION, Span(0, 2), "email(to: ${1:})$0", is_snippet=True)
    plain = conversion.completion(lines, found, 0, has_snippets=False)
    assert isinstance(plain.text_edit, types.TextEdit)
    assert plain.text_edit.new_text == "email(to:"
    assert plain.insert_text_format is types.InsertTextFormat.PlainText


def test_tests_that_do_not_pass_say_why() -> None:
    text = (ROOT / "examples" / "lead_approval.flow").read_text(encoding="utf-8")
    compilation = compile_text(text.replace("follow_up.at == 2d &&", "follow_up.at == 3d &&"), builtin())
    found = run_tests(compilation, "lead_approval")
    assert [each.has_passed for each in found] == [False, True, True]
    assert "follow_up.at is" in found[0].problems[0]
    with pytest.raises(UsageError, match="no such test"):
        run_tests(compilation, "lead_approval", "another")
    with pytest.raises(UsageError, match="errors"):
        run_tests(compile_text("flow", builtin()))


def test_without_the_protocol_the_command_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.startswith(("pygls", "lsprotocol", "dagflow.lsp."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lsprotocol", None)
    assert main(["lsp"]) == 2
    assert "pip install 'dagflow[lsp]'" in capsys.readouterr().err


@pytest.mark.slow
def test_looking_needs_no_protocol() -> None:
    """`dagflow.ide` is for pages in browsers as well."""
    code = (
        "import sys; sys.modules['pygls'] = sys.modules['lsprotocol'] = sys.modules['trio'] = None\n"
        "import dagflow.ide.completing, dagflow.ide.navigating, dagflow.ide.semantic_tokens, dagflow.ide.code_actions, dagflow.ide.code_lenses"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.slow
def test_on_a_port(unused_port: int) -> None:
    async def session() -> None:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "dagflow", "lsp", "--port", str(unused_port))
        client = LanguageClient("an editor", "1")
        try:
            ended = asyncio.ensure_future(process.wait())
            while not ended.done():
                try:
                    await client.start_tcp("127.0.0.1", unused_port)
                    break
                except OSError:
                    await asyncio.wait({ended}, timeout=0.05)  # it does not listen yet
            found = await asyncio.wait_for(client.initialize_async(types.InitializeParams(types.ClientCapabilities())), 60)
            assert found.capabilities.hover_provider
            await client.shutdown_async(None)
            client.exit(None)
            await client.stop()
            await asyncio.wait_for(ended, 60)
        finally:
            if process.returncode is None:
                process.kill()

    asyncio.run(session())


@pytest.fixture
def unused_port() -> int:
    import socket  # noqa: PLC0415 - here alone

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
