"""Past two hundred findings the rest is counted, and an error among them is never lost."""

from __future__ import annotations

from tests.lang.golden import check, prelude

INTERFACE = prelude()


def test_the_rest_is_counted() -> None:
    text = "flow f(lead: Lead) {\n" + "".join(f"  s{i} = log(message: nobody{i})\n" for i in range(300)) + "}\n"
    compilation = check(text, INTERFACE)
    assert len(compilation.diagnostics) == 201
    assert compilation.diagnostics[-1].code == "N101"
    assert "100 more findings are not shown" in compilation.render()


def test_an_error_behind_many_warnings_is_shown() -> None:
    lets = "".join(f"  if true {{ w{i} = wait {i + 1}s }}\n" for i in range(250))
    compilation = check("flow f(lead: Lead) {\n" + lets + "  log(message: nobody)\n}\n", INTERFACE)
    assert compilation.has_errors
    assert "E202" in {diagnostic.code for diagnostic in compilation.diagnostics}


def test_too_many_statements_are_not_read_to_the_end() -> None:
    compilation = check("flow f {\n" + "wait 1s\n" * 8_300 + "}\n", INTERFACE)
    assert [diagnostic.code for diagnostic in compilation.diagnostics] == ["E116"]
    assert "4096 statements" in compilation.render()


def test_a_text_of_errors_is_given_up() -> None:
    compilation = check("flow f {\n" + "a b c\n" * 100 + "}\n", INTERFACE)
    assert 1 < len(compilation.diagnostics) <= 50
    assert {diagnostic.code for diagnostic in compilation.diagnostics} <= {"E101", "E103"}
