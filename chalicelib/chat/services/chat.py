"""The shared chat: send and list messages."""

from collections.abc import Sequence
from typing import Any, Protocol

from chalicelib.chat.domain.chat import (
    Message,
    MessageIn,
    MessagePagination,
    MessagesOut,
    MessagesQuery,
    Role,
    SentOut,
    new_message,
    to_response,
    to_sent_response,
)
from chalicelib.core.domain.callers import ApiKey
from chalicelib.core.domain.cursors import from_cursor, to_cursor
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.domain.pages import count_fitting, to_json
from chalicelib.core.domain.requests import RequestContext
from chalicelib.live.services.ports import Notifier


class Chat(Protocol):
    def add(self, message: Message, *, claim: Claim | None, reply: dict[str, Any]) -> None: ...
    def list_before(
        self, user_id: str, message_id: str | None, *, role: str | None, limit: int
    ) -> Sequence[Message]: ...


def send(
    request: MessageIn,
    *,
    message_id: str,
    agent_name: str | None,
    owner: ApiKey,
    context: RequestContext,
    chat: Chat,
    notifier: Notifier,
) -> SentOut:
    """Add a message to the owner's chat and tell the open sockets. Store calls after authentication: 3.

    Raises:
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    message = new_message(
        request,
        message_id=message_id,
        user_id=owner.user_id,
        agent_name=agent_name or owner.name,
        agent_key_id=owner.key_id,
        now=context.now,
    )
    reply = to_sent_response(message)
    chat.add(message, claim=context.claim, reply=reply.model_dump(mode="json"))
    notifier.notify(owner.user_id, message.live_event, log_state=None, now=context.now)
    return reply


def list_page(query: MessagesQuery, *, owner: ApiKey, chat: Chat) -> MessagesOut:
    """List a page of the owner's chat in the order of writing. Store calls after authentication: 1; with a role 2.

    Raises:
        Invalid: the cursor does not belong to this list.
    """
    bound = ("chat", owner.user_id, query.role)
    before = from_cursor(query.cursor, 1, *bound)[0] if query.cursor is not None else None
    found: Sequence[Message] = []
    if query.role is None or query.role in list(Role):
        found = chat.list_before(owner.user_id, before, role=query.role, limit=query.limit + 1)
    listing = [to_response(each) for each in found[: query.limit]]
    page = listing[: count_fitting(map(to_json, listing))]
    has_more = len(found) > len(page)
    cursor = to_cursor([page[-1].id], *bound) if has_more else None
    return MessagesOut(
        messages=page[::-1],
        pagination=MessagePagination(limit=query.limit, cursor=cursor, has_more=has_more),
    )
