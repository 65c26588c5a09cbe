"""Annotations with a meaning of their own in the signature of an action."""

from __future__ import annotations

from typing import Annotated, Final, NewType, TypeAlias, TypeVar

import attrs

#: One e-mail address, `local@domain`; checked before the call.
Email = NewType("Email", str)
#: An `http` or `https` address with a host; checked before the call.
Url = NewType("Url", str)
#: The content of a secret. Flows pass it by name, `secrets.NAME`; its content is read right before the call.
Secret = NewType("Secret", str)
#: A key for a peer that recognises a repetition: the same for all attempts of one step of one run. dagflow fills in a
#: parameter with this annotation; it is no part of the signature that flows see.
EffectKey = NewType("EffectKey", str)


@attrs.frozen
class Scalar:
    """Marks a text as a kind of its own, `Annotated[str, Scalar("FileRef")]`: a plain text is not one without conversion."""

    name: str


@attrs.frozen
class _Injected:
    """Marks a parameter that the host provides."""


INJECTED: Final = _Injected()
_T = TypeVar("_T")
#: `Inject[Pool]`: a parameter of an action that the catalog's lifespan or a provider fills in; it is no part of the signature that
#: flows see. Type checkers read it as `Pool`.
Inject: TypeAlias = Annotated[_T, INJECTED]
