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
