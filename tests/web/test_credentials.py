"""Keys in a file and signed tokens: what is accepted, and what is not."""

from __future__ import annotations

import threading
from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dagflow import UsageError
from dagflow.web import KeyFile, Principal, Role, Tokens
from tests.app.host import START

SECRET, OTHER = "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
SECOND = 10**9


@attrs.define
class Hand:
    """A clock that a test moves."""

    at: int = START

    def now(self) -> int:
        return self.at


PRINCIPALS = st.builds(
    Principal,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.sampled_from(Role),
    st.none() | st.frozensets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5), max_size=3),
    key=st.text("abc", max_size=5),
)


@given(PRINCIPALS)
def test_a_token_is_its_principal_until_it_expires(principal: Principal) -> None:
    clock = Hand()
    tokens = Tokens(SECRET, clock=clock)
    token = tokens.issue(principal, seconds=60)
    clock.at += 59 * SECOND
    assert tokens.principal(token) == principal
    clock.at += SECOND
    assert tokens.principal(token) is None


@given(PRINCIPALS, st.data())
@settings(max_examples=300)
def test_an_altered_token_is_none(principal: Principal, data: st.DataObject) -> None:
    tokens = Tokens(SECRET, clock=Hand())
    token = tokens.issue(principal)
    at = data.draw(st.integers(0, len(token) - 1))
    altered = token[:at] + data.draw(st.text(max_size=2)) + token[at + 1 :]
    # The last letter of base64 has bits that mean nothing, but the text is compared.
    assert (tokens.principal(altered) is None) == (altered != token)
    assert Tokens(OTHER, clock=Hand()).principal(token) is None


def test_secrets_of_tokens_are_replaced_without_a_break() -> None:
    clock = Hand()
    old, both, new = Tokens(OTHER, clock=clock), Tokens([SECRET, OTHER], clock=clock), Tokens(SECRET, clock=clock)
    assert both.principal(old.issue(Principal("a", "viewer"))) == Principal("a", "viewer")
    assert new.principal(both.issue(Principal("a", "viewer"))) == Principal("a", "viewer")


def test_tokens_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="the secret of tokens must have at least 32 characters"):
        Tokens("short")
    for seconds in (0, 86_401):
        with pytest.raises(UsageError, match=f"a token must be valid for 1 to 86400 seconds; got {seconds}"):
            Tokens(SECRET).issue(Principal("", "viewer"), seconds=seconds)


def test_principals_that_cannot_be() -> None:
    with pytest.raises(UsageError, match="a role must be one of viewer, editor, operator, sender, admin; got 'root'"):
        Principal("", "root")
    with pytest.raises(UsageError, match="the tenant of a principal must have 1 to 200 characters"):
        Principal("x" * 201, "viewer")
    with pytest.raises(UsageError, match="the tenant of a principal must be a text; got NoneType"):
        Principal(None, "viewer")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the flows of a principal must be a set of names; got the text 'orders'"):
        Principal("", "viewer", "orders")  # type: ignore[arg-type]


def test_a_key_is_accepted_until_it_is_revoked_elsewhere(tmp_path: Path) -> None:
    ours, theirs = KeyFile(tmp_path / "k"), KeyFile(tmp_path / "k")
    assert theirs.principal("dfk_none_x") is None
    key = ours.create(Principal("a", "operator"), comment="shop")
    found = theirs.principal(key)
    assert found is not None
    assert (found.tenant, found.role, found.flows) == ("a", "operator", None)
    for wrong in (key[:-1], key + "x", key.upper(), key.removeprefix("dfk_"), "", "dfk_"):
        assert theirs.principal(wrong) is None
    ours.revoke(key.split("_")[1])
    assert theirs.principal(key) is None


def test_keys_made_at_once_are_all_there(tmp_path: Path) -> None:
    def make() -> None:
        for _ in range(5):
            KeyFile(tmp_path / "k").create(Principal("a", "sender"))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(KeyFile(tmp_path / "k").keys()) == 20
    assert sorted(path.name for path in tmp_path.iterdir()) == ["k", "k.lock"]


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"id": "a"}]', '[{"id":"a","digest":"","tenant":"","role":"root"}]'])
def test_a_damaged_file_of_keys_accepts_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "k").write_text(text)
    for call in (KeyFile(tmp_path / "k").keys, lambda: KeyFile(tmp_path / "k").principal("dfk_a_b")):
        with pytest.raises(UsageError, match="cannot be read: it is no list of keys; move it away"):
            call()
