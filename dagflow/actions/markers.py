"""Annotations with a meaning of their own in the signature of an action."""

from __future__ import annotations

from typing import NewType

import attrs

#: One e-mail address, `local@domain`; checked before the call.
Email = NewType("Email", str)
#: An `http` or `https` address with a host; checked before the call.
Url = NewType("Url", str)
#: The content of a secret. Flows pass it by name, `secrets.NAME`; it is looked up right before the call.
Secret = NewType("Secret", str)
#: What to give a peer so that it recognises a repetition: the same for all attempts of one step of one run. A parameter
#: annotated so is filled in by dagflow and is no part of the signature that flows see.
EffectKey = NewType("EffectKey", str)


@attrs.frozen
class Scalar:
    """Marks a text as a kind of its own, `Annotated[str, Scalar("FileRef")]`: a plain text is not one without conversion."""

    name: str
