"""Tokens: minted ones are parsed, and every other text is refused."""

import base64
import re
import string
import zlib
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chalicelib.ids import (
    InstanceCredential,
    MintedToken,
    TokenKind,
    mint_platform_token,
    mint_token,
    new_nonce,
    new_request_id,
    parse_token,
)

pytestmark = pytest.mark.engine("embedded")

BASE64URL = string.ascii_letters + string.digits + "-_"
GRANT = "d76164c5-e157-5e12-9c4e-55111bbb1034"

kinds = st.sampled_from(TokenKind)


def minted(kind: TokenKind, grant_id: str | UUID = GRANT) -> MintedToken:
    return mint_token(kind) if kind is TokenKind.KEY else mint_token(kind, str(grant_id))


def checked(text: str) -> str:
    """`text` with the checksum that makes it look like a token of ours."""
    return text + base64.urlsafe_b64encode(zlib.crc32(text.encode()).to_bytes(4)).decode().rstrip("=")


def test_platform_token_is_never_parsed_as_a_key() -> None:
    made = mint_platform_token()
    assert re.fullmatch(r"dvd_fed_[0-9a-f]{64}", made.text)
    presented = parse_token(made.text)
    assert presented is not None
    assert (presented.kind, presented.row_id) == (InstanceCredential.PLATFORM, made.secret_hash)
    for wrong in (made.text[:-1], made.text + "0", made.text.upper(), made.text[:-1] + "g"):
        assert parse_token(wrong) is None


@given(kinds, st.uuids())
def test_minted_token_is_parsed_with_its_kind_and_grant(kind: TokenKind, grant_id: UUID) -> None:
    token = minted(kind, grant_id)
    presented = parse_token(token.text)

    assert presented is not None
    assert presented.kind is kind
    assert (presented.row_id, presented.secret_hash) == (token.row_id, token.secret_hash)
    assert token.row_id == (token.secret_hash if kind is TokenKind.KEY else str(grant_id))


@pytest.mark.parametrize(
    ("kind", "form"),
    [
        (TokenKind.KEY, r"dvd_(?P<secret>[A-Za-z0-9_-]{43})[A-Za-z0-9_-]{6}"),
        (TokenKind.TOOLS, r"flux-tools-[A-Za-z0-9_-]{22}(?P<secret>[A-Za-z0-9_-]{43})[A-Za-z0-9_-]{6}"),
        (TokenKind.PERSONAL, r"flux-in-pers-[A-Za-z0-9_-]{22}(?P<secret>[A-Za-z0-9_-]{43})[A-Za-z0-9_-]{6}"),
    ],
)
def test_token_is_prefix_id_secret_and_checksum_with_a_secret_of_256_bits(kind: TokenKind, form: str) -> None:
    secrets = set()
    for _ in range(50):
        token = minted(kind)
        matched = re.fullmatch(form, token.text)
        assert matched is not None, kind
        assert checked(token.text[:-6]) == token.text
        secrets.add(base64.urlsafe_b64decode(matched["secret"] + "="))
    assert {len(secret) for secret in secrets} == {32}
    assert len(secrets) == 50
    # No bit is fixed: that all 50 agree in one has a chance of 1 in 2^41.
    ones, every = 0, (1 << 256) - 1
    zeros = 0
    for secret in secrets:
        ones |= int.from_bytes(secret)
        zeros |= ~int.from_bytes(secret) & every
    assert ones == zeros == every


@given(kinds)
def test_two_tokens_of_one_grant_share_its_row_and_no_secret(kind: TokenKind) -> None:
    first, second = minted(kind), minted(kind)

    assert first.text != second.text
    assert first.secret_hash != second.secret_hash
    assert (first.row_id == second.row_id) is (kind is not TokenKind.KEY)


def test_row_and_hash_do_not_reveal_the_secret() -> None:
    for kind in TokenKind:
        token = minted(kind)
        secret = token.text[-49:-6]
        assert secret not in token.row_id + token.secret_hash
        assert re.fullmatch("[0-9a-f]{64}", token.secret_hash)


def test_visible_part_of_a_key_is_its_beginning() -> None:
    token = minted(TokenKind.KEY)

    assert token.visible_prefix == token.text[:12] + "..."


@given(kinds, st.data())
def test_token_with_any_character_changed_is_refused(kind: TokenKind, data: st.DataObject) -> None:
    text = minted(kind).text
    place = data.draw(st.integers(0, len(text) - 1), "place")
    other = data.draw(st.sampled_from(BASE64URL) | st.characters(), "other")
    assume(other != text[place])

    assert parse_token(text[:place] + other + text[place + 1 :]) is None


@given(kinds, st.data())
def test_token_with_one_character_more_or_less_is_refused(kind: TokenKind, data: st.DataObject) -> None:
    text = minted(kind).text
    place = data.draw(st.integers(0, len(text) - 1), "place")
    more = data.draw(st.sampled_from(BASE64URL + " \n=") | st.characters(), "more")

    assert parse_token(text[:place] + text[place + 1 :]) is None
    assert parse_token(text[:place] + more + text[place:]) is None
    assert parse_token(text + more) is None


@given(kinds, st.data())
def test_token_with_two_swapped_characters_is_refused(kind: TokenKind, data: st.DataObject) -> None:
    text = minted(kind).text
    place = data.draw(st.integers(0, len(text) - 2), "place")
    assume(text[place] != text[place + 1])

    assert parse_token(text[:place] + text[place + 1] + text[place] + text[place + 2 :]) is None


@given(kinds, kinds)
def test_token_with_another_kinds_prefix_is_refused(kind: TokenKind, other: TokenKind) -> None:
    assume(kind is not other)

    assert parse_token(other + minted(kind).text.removeprefix(kind)) is None


@given(st.text() | st.tuples(kinds, st.text()).map("".join) | st.tuples(kinds, st.text(BASE64URL)).map("".join))
def test_arbitrary_text_is_refused(text: str) -> None:
    assert parse_token(text) is None


@given(kinds, st.data())
def test_text_with_a_valid_checksum_is_parsed_without_an_exception(kind: TokenKind, data: st.DataObject) -> None:
    length = 43 if kind is TokenKind.KEY else 65
    alphabet = st.sampled_from(BASE64URL + "=+/ .") | st.characters(codec="utf-8")
    presented = parse_token(checked(kind + data.draw(st.text(alphabet, min_size=length, max_size=length), "body")))

    assert presented is None or presented.kind is kind
    if presented is not None and kind is not TokenKind.KEY:
        assert str(UUID(presented.row_id)) == presented.row_id


def test_request_ids_and_nonces_are_unique() -> None:
    for make, form in ((new_request_id, r"req_[A-Za-z0-9_-]{20}"), (new_nonce, r"[A-Za-z0-9_-]{12}")):
        made = [make() for _ in range(200)]
        assert len(set(made)) == 200
        assert all(re.fullmatch(form, each) for each in made)
