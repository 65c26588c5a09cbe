"""Colours for `.flow` texts in whatever uses Pygments: Sphinx, MkDocs, terminals, notebooks. Registered under the name `dagflow`."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Final

from pygments import lexer
from pygments.lexer import RegexLexer, include, words
from pygments.token import (
    Comment,
    Keyword,
    Name,
    Number,
    Operator,
    Punctuation,
    String,
    Text,
    Whitespace,
)

_groups: Callable[..., object] = vars(lexer)["bygroups"]  # which says nothing of its types
_WORD: Final = r"[A-Za-z_][A-Za-z0-9_]*"
#: Words behind which a value may stand in parentheses; behind the others a parenthesis makes it the name of a function.
_BEFORE_VALUES: Final = (
    "if", "else", "filter", "switch", "case", "return", "yield", "when", "expect", "wait", "until", "in", "default", "by", "within",
    "timeout", "any", "settled", "given", "with", "priority", "at", "takes", "returns", "debounce", "per", "from", "to", "every", "of",
)  # fmt: skip
_OTHERS: Final = (
    "after", "all", "allow", "as", "cancel", "catchup", "collect", "concurrency", "cron", "do", "effectful", "emit", "errors", "event", "fail", "fails",
    "first", "for", "idempotent", "import", "key", "last", "let", "manual", "max", "mock", "none", "on", "once", "only", "overlap", "parallel", "pure", "queue",
    "rate", "replace", "retry", "send", "served", "singleton", "skip", "start", "stop", "then", "throttle", "times", "undo", "was", "webhook",
)  # fmt: skip
_TYPES: Final = (
    "bool", "int", "uint", "double", "decimal", "string", "bytes", "timestamp", "duration", "json", "list", "map", "Secret",
)  # fmt: skip
#: What makes a word before it a name: every word of the language can be one.
_NAME_BEFORE: Final = r"(?![ \t]*(?:[.:,)\]}]|\?\?|==|!=|&&|\|\|))"
_NAME_BEFORE_CALL: Final = r"(?![ \t]*(?:[(.:,)\]]|\?\?|==|!=|&&|\|\|))"


class FlowLexer(RegexLexer):
    """Cuts a `.flow` text into coloured pieces; every text, also a wrong one."""

    name = "dagflow"
    aliases: ClassVar = ["dagflow", "flow"]
    filenames: ClassVar = ["*.flow"]
    mimetypes: ClassVar = ["text/x-dagflow"]
    url = ""

    tokens: ClassVar = {
        "root": [
            (rf"^(\s*)(flow)(\s+)({_WORD})", _groups(Whitespace, Keyword.Declaration, Whitespace, Name.Function)),
            (rf"^(\s*)(type)(\s+)({_WORD})", _groups(Whitespace, Keyword.Declaration, Whitespace, Name.Class)),
            (
                rf"^(\s*)(action)(\s+)({_WORD}(?:\.{_WORD})*)",
                _groups(Whitespace, Keyword.Declaration, Whitespace, Name.Function),
            ),
            (rf"\b(for)(\s+)({_WORD})(?=\s*\{{)", _groups(Keyword, Whitespace, Name)),
            (r"^(\s*)(test|event|import)(?=\s*[\"'])", _groups(Whitespace, Keyword.Declaration)),
            include("expression"),
            (r"[{}]", Punctuation),
            (r".", Text),
        ],
        "expression": [
            (r"\s+", Whitespace),
            (r"///[^\n]*", String.Doc),
            (r"//[^\n]*", Comment.Single),
            include("strings"),
            (rf"(\.\??)(\s*)({_WORD})(?=\s*\()", _groups(Operator, Whitespace, Name.Function)),
            (rf"(\.\??)(\s*)({_WORD})", _groups(Operator, Whitespace, Name.Attribute)),
            (rf"{_WORD}(?=:)", Name.Attribute),
            (rf"{_WORD}(?=\s*=(?![=>]))", Name.Variable),
            (r"[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w)(?:[0-9]+(?:ms|s|m|h|d|w))*\b", Number),
            (r"0[xX][0-9a-fA-F]+[uU]?\b", Number.Hex),
            (r"[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?", Number.Float),
            (r"[0-9]+[uU]?\b", Number.Integer),
            (r"on[ \t]+(?:error|unknown)\b", Keyword),
            (words(_BEFORE_VALUES, prefix=r"\b", suffix=rf"\b{_NAME_BEFORE}"), Keyword),
            (words(_OTHERS, prefix=r"\b", suffix=rf"\b{_NAME_BEFORE_CALL}"), Keyword),
            (r"\b(?:true|false|null)\b", Keyword.Constant),
            (words(_TYPES, prefix=r"\b", suffix=r"\b(?!\s*\()"), Keyword.Type),
            (rf"{_WORD}(?:\.{_WORD})*(?=\s*\()", Name.Function),
            (r"[A-Z][A-Za-z0-9_]*", Name.Class),
            (r"\b(?:now|run|trigger|secrets)\b", Name.Builtin),
            (_WORD, Name),
            (r"->|\?\?|\|\||&&|\.\?|==|!=|<=|>=|[<>=+\-*/%!?|.]", Operator),
            (r"[()\[\],:]", Punctuation),
        ],
        "strings": [
            (r"(?:[rR][bB]?|[bB][rR])(?:\"\"\"(?:.|\n)*?\"\"\"|'''(?:.|\n)*?'''|\"[^\"\n]*\"|'[^'\n]*')", String),
            (r"[bB](?:\"\"\"(?:\\.|[^\\])*?\"\"\"|'''(?:\\.|[^\\])*?'''|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')", String),
            (r'"""', String, "long double"),
            (r"'''", String, "long single"),
            (r'"', String.Double, "double"),
            (r"'", String.Single, "single"),
            (r"`[^`\n]+`", Name.Attribute),
        ],
        "text": [
            (r"\\.", String.Escape),
            (r"\$\{", String.Interpol, "interpolation"),
            (r"[^\\$\"'\n]+", String),
            (r"[$'\"\\]", String),
        ],
        "double": [(r'"', String.Double, "#pop"), (r"(?=\n)", String.Double, "#pop"), include("text")],
        "single": [(r"'", String.Single, "#pop"), (r"(?=\n)", String.Single, "#pop"), include("text")],
        "long double": [(r'"""', String, "#pop"), (r"\n", String), include("text")],
        "long single": [(r"'''", String, "#pop"), (r"\n", String), include("text")],
        "interpolation": [
            (r"\}", String.Interpol, "#pop"),
            (r"\{", Punctuation, "braces"),
            include("expression"),
            (r".", Text),
        ],
        "braces": [(r"\}", Punctuation, "#pop"), (r"\{", Punctuation, "#push"), include("expression"), (r".", Text)],
    }
