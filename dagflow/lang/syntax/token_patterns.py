"""The tokens of a text as one regular expression: once for flows, where strings hold `${…}`, and once for plain CEL.

The blanks before a token are part of the match. No alternative backtracks into another, so cutting is linear in the text, whatever it
contains. The commonest come first; what looks like a name and may be the prefix of a string (`bb"`) is tried again as a `word`.
"""

from __future__ import annotations

import re
from typing import Final

_BODY = r"(?:[^{quote}\\$\n]|\\.|\$(?!\{{)|\$\{{(?:[^{{}}\"'\n]|\"[^\"\n]*\"|'[^'\n]*'|\{{[^{{}}\n]*\}})*\}})*"
_PLAIN = r"(?:[^{quote}\\\n]|\\.)*"
_LONG = r"(?:\\(?:.|\n)|[^\\])*?"


def _pattern(body: str) -> re.Pattern[str]:
    double, single = body.format(quote='"'), body.format(quote="'")
    return re.compile(
        r"""
        [ \t\f\r\n]*+(?:
        (?P<bracket>[()\[\]{},:])
        |(?P<IDENT>(?![bBrR]{1,2}["']|on[ \t]+(?:error|unknown)\b)[_a-zA-Z][_a-zA-Z0-9]*+)
        |(?P<comment>//[^\n]*)
        |(?P<BYTES>(?:[bB][rR]|[rR][bB])(?:\"\"\"(?:.|\n)*?\"\"\"|'''(?:.|\n)*?'''|"[^"\n]*"|'[^'\n]*')
            |[bB](?:\"\"\"LONG\"\"\"|'''LONG'''|(?!\"\"\")"(?:[^"\\\n]|\\.)*"|(?!''')'(?:[^'\\\n]|\\.)*'))
        |(?P<STRING>[rR](?:\"\"\"(?:.|\n)*?\"\"\"|'''(?:.|\n)*?'''|"[^"\n]*"|'[^'\n]*')
            |\"\"\"LONG\"\"\"|'''LONG'''|(?!\"\"\")"DOUBLE"|(?!''')'SINGLE')
        |(?P<ON_ERROR>on[ \t]+error\b)
        |(?P<ON_UNKNOWN>on[ \t]+unknown\b)
        |(?P<word>[_a-zA-Z][_a-zA-Z0-9]*)
        |(?P<DURATION>[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d|w)(?:[0-9]+(?:ms|s|m|h|d|w))*(?![A-Za-z0-9_]))
        |(?P<FLOAT>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+|\.[0-9]+(?:[eE][+-]?[0-9]+)?)
        |(?P<UINT>(?:0[xX][0-9a-fA-F]+|[0-9]+)[uU](?![A-Za-z0-9_]))
        |(?P<INT>0[xX][0-9a-fA-F]+|[0-9]+)
        |(?P<QUOTED>`[^`\n]+`)
        |(?P<wrong>===|!==|<>|\?\.(?=[A-Za-z_])|&(?!&)|/\*|[;@\#$~^\\]|=>)
        |(?P<sign>->|\?\?|\|\||&&|\.\?|==|!=|<=|>=|[()\[\]{},:.?<>=|+\-*/%!])
        |(?P<quote>["'`])
        |(?P<other>.)
        )
        """.replace("LONG", _LONG)
        .replace("DOUBLE", double)
        .replace("SINGLE", single),
        re.VERBOSE,
    )


FLOW_TEXT: Final = _pattern(_BODY)
CEL_TEXT: Final = _pattern(_PLAIN)
