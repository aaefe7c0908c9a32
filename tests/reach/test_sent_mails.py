"""The ids by which reports name the messages of this desk."""

from uuid import uuid4

import pytest

from chalicelib.reach.domain.sent_mails import MailKind, MailName

ID = "22222222-0000-4000-8000-000000000001"


@pytest.mark.parametrize("kind", MailKind)
def test_a_message_id_is_read_back_however_it_is_written(kind: MailKind) -> None:
    name = MailName(kind, str(uuid4()), str(uuid4()))
    for written in ("<{}@desk.example.com>", " <{}@DESK.example.com> ", "{}@desk.example.com"):
        assert MailName.parse(written.format(name.local_part)) == name
    assert MailName.parse(f"<{name.local_part.upper()}@desk.example.com>") == name


@pytest.mark.parametrize(
    "other",
    ["", "@", "<>", "<a@x>", f"<other.{ID}.{ID}@x>", f"<{ID}@x>", f"<test.{ID}@x>", f"<test.{ID}.{ID}>", "\x00"],
)
def test_ids_of_other_messages_name_nothing(other: str) -> None:
    assert MailName.parse(other) is None
