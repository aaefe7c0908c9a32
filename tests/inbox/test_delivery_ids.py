"""Delivery ids: equal for equal sends, and readable back to their event."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.inbox.domain.delivery_ids import derive_delivery_id, derive_held_delivery_id, event_part

slugs = st.from_regex(r"[a-z][a-z0-9-]{0,10}", fullmatch=True)
people = st.uuids().map(str)
event_ids = st.from_regex(r"[a-zA-Z0-9_-]{1,20}", fullmatch=True)


@given(slugs, people, event_ids)
def test_an_id_is_a_version_8_uuid_of_its_three_parts(slug: str, person: str, event: str) -> None:
    made = derive_delivery_id(slug, person, event)
    assert (UUID(made).version, UUID(made).variant) == (8, "specified in RFC 4122")
    assert str(UUID(made)) == made == derive_delivery_id(slug, person, event)


@given(slugs, people, event_ids, slugs, people, event_ids)
def test_ids_differ_where_a_part_differs(s1: str, p1: str, e1: str, s2: str, p2: str, e2: str) -> None:
    same = (s1, p1, e1) == (s2, p2, e2)
    assert (derive_delivery_id(s1, p1, e1) == derive_delivery_id(s2, p2, e2)) == same
    same_event = (s1, e1) == (s2, e2)
    assert (event_part(derive_delivery_id(s1, p1, e1)) == event_part(derive_delivery_id(s2, p2, e2))) == same_event


@given(slugs, people, event_ids)
def test_a_held_event_never_shares_an_id_with_a_delivered_one(slug: str, person: str, event: str) -> None:
    assert derive_held_delivery_id(slug, person, event) != derive_delivery_id(slug, person, event)
