"""The table `board`: each person's cards, in one partition.

<user id> / CARD#<id>  the card's columns, checklist (a list), contacts (by contact id), version,
                       savedBy: the mark of the call that wrote it last
<user id> / COUNTS     see lists; by status, priority and assignee. lastOrder: the highest a card has had

index order:  orderKey  = order and time of creation, newest first, so that they sort as text, and the id
index facets: facetsKey = status, priority, assignee, and the same

Columns and checklist are written on the condition that the version is as it was read. Links to contacts are written
from both sides (see card_contacts) and only let the version grow, so each kind of change waits for no other.
"""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.board.domain.board import Assignee, Card, CardPriority, CardStatus, ChecklistItem, Tail
from chalicelib.board.domain.card_contacts import CardBrief
from chalicelib.board.stores.card_contacts import as_link, card_key, committed, link_row, off_contacts
from chalicelib.core.domain.fields import parse_timestamp
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores import lists
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.ids import nonce
from chalicelib.parallel import together
from chalicelib.resources import BOARD, FACETS_INDEX, ORDER_INDEX

Reply = dict[str, Any]

_LATEST_MILLISECONDS = 9_999_999_999_999
_BRIEF = ("id", "title", "status", "priority", "assignee", "dueDate")


class DynamoBoard:
    def list_cards(
        self, user_id: str, facets: Sequence[str | None], *, offset: int, limit: int
    ) -> tuple[list[Card], int]:
        """A page of the cards with these facets, where None stands for any, in their order; and how many there are.

        Store calls in sequence: 2; 3 with a facet, and one more for each thousands of cards of offset.
        """
        read = partial(lists.sort_keys, BOARD, pk=user_id, offset=offset, limit=limit)
        if not any(each is not None for each in facets):
            counts, sks = together(
                partial(lists.find_counts, BOARD, user_id), partial(read, index=ORDER_INDEX, prefixes=[""])
            )
        else:
            counts = lists.find_counts(BOARD, user_id)
            prefixes = ["#".join(each) + "#" for each in lists.combinations(counts, *facets)]
            sks = read(index=FACETS_INDEX, prefixes=prefixes, order=_order_in_facets) if prefixes else []
        return [_card(row) for row in lists.in_order(BOARD, user_id, sks)], lists.total(counts, *facets)

    def find_card(self, user_id: str, card_id: str) -> Card | None:
        """One of the person's cards, read consistently. One store call."""
        got = dynamodb().get_item(
            TableName=BOARD.physical_name, Key=to_item(card_key(user_id, card_id)), ConsistentRead=True
        )
        return _card(from_item(dict(got["Item"]))) if "Item" in got else None

    def find_briefs(self, user_id: str, card_ids: Iterable[str]) -> dict[str, CardBrief]:
        """Those of the cards that exist, in brief, by id. One store call per hundred, made at the same time."""
        rows = get_all(BOARD, [card_key(user_id, card_id) for card_id in sorted(set(card_ids))], _BRIEF)
        return {row["id"]: CardBrief(*(row[name] for name in _BRIEF)) for row in rows}

    def find_tail(self, user_id: str) -> Tail:
        """Where the person's board ends. One store call."""
        counts = lists.find_counts(BOARD, user_id)
        last = counts.get("lastOrder")
        return Tail(None if last is None else int(last), int(counts["version"]))

    def add_card(self, card: Card, *, tail: Tail, claim: Claim | None, reply: Reply) -> bool:
        """Store a new card; False when the board does not end there any more. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        return committed(added_card(card, tail), claim, reply)

    def save_card(
        self,
        card: Card,
        *,
        over: Card,
        tail: Tail | None,
        claim: Claim | None,
        reply: Reply,
        also: Sequence[Action] = (),
    ) -> bool:
        """Replace `over` by `card`, but for its contacts; False when card or tail have changed. One store call at most.

        A card that may come to be the last one needs the tail. `also` are further members of the transaction.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        if card == over:
            unchanged: Action = {"ConditionCheck": _unchanged(over)}
            return claim is None or committed([unchanged], claim, reply)
        mark = nonce()
        actions = [*changed_card(card, over, tail, mark=mark), *also]
        try:
            commit(actions, claim=claim, reply=reply)
        except Refused as refused:
            # A retry below us has met its own first try.
            return refused.rows[0].get("savedBy") == mark
        return True

    def remove_card(self, card: Card, *, claim: Claim | None, reply: Reply) -> bool:
        """Delete a card, and take it off its contacts; False when it has changed. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions: list[Action] = [
            {"Delete": _unchanged(card)},
            lists.counting(BOARD, card.user_id, taken=[card.facets]),
            *off_contacts(card),
        ]
        return committed(actions, claim, reply)


def added_card(card: Card, tail: Tail) -> list[Action]:
    """The part of a transaction that stores a new card, while the board still ends at `tail`."""
    row = card_key(card.user_id, card.card_id) | _columns(card)
    row |= {"contacts": {each: link_row(link) for each, link in card.contacts.items()}}
    put = {"TableName": BOARD.physical_name, "Item": to_item(row), "ConditionExpression": "attribute_not_exists(pk)"}
    raised = {"lastOrder": card.order} if tail.raised_by(card.order) else None
    return [{"Put": put}, lists.counting(BOARD, card.user_id, added=[card.facets], seen=tail.version, sets=raised)]


def changed_card(card: Card, over: Card, tail: Tail | None = None, *, mark: str | None = None) -> list[Action]:
    """The part of a transaction that replaces `over` by `card`, but for its contacts; a `mark` tells who did."""
    columns = _columns(card) | ({"savedBy": mark} if mark else {})
    update = _unchanged(over) | {"ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
    update["UpdateExpression"] = "SET " + ", ".join(f"#{name} = :{name}" for name in columns)
    update["ExpressionAttributeNames"] = {f"#{name}": name for name in columns}
    update["ExpressionAttributeValues"] |= values(**columns)
    actions: list[Action] = [{"Update": update}]
    if tail is not None and tail.raised_by(card.order):
        moved = {"added": [card.facets], "taken": [over.facets]}
        sets = {"lastOrder": card.order}
        actions.append(lists.counting(BOARD, card.user_id, **moved, seen=tail.version, sets=sets))
    elif card.facets != over.facets:
        actions.append(lists.counting(BOARD, card.user_id, added=[card.facets], taken=[over.facets]))
    return actions


def _unchanged(card: Card) -> dict[str, Any]:
    return {
        "TableName": BOARD.physical_name,
        "Key": to_item(card_key(card.user_id, card.card_id)),
        "ConditionExpression": "version = :seen",
        "ExpressionAttributeValues": values(seen=card.version),
    }


def _order_key(card: Card) -> str:
    milliseconds = round(parse_timestamp(card.created_at).timestamp() * 1000)
    return f"{card.order + 2**53:017d}#{_LATEST_MILLISECONDS - milliseconds:013d}#{card.card_id}"


def _order_in_facets(facets_key: str) -> str:
    return facets_key.split("#", 3)[3]


def _columns(card: Card) -> Row:
    order_key = _order_key(card)
    return {
        "id": card.card_id,
        "title": card.title,
        "description": card.description,
        "status": card.status.value,
        "priority": card.priority.value,
        "assignee": card.assignee.value,
        "dueDate": card.due_date,
        "order": card.order,
        "projectId": card.project_id,
        "originCardId": card.origin_card_id,
        "originUserId": card.origin_user_id,
        "sourceRelayId": card.source_relay_id,
        "checklist": [_item_row(item) for item in card.checklist],
        "createdAt": card.created_at,
        "updatedAt": card.updated_at,
        "version": card.version,
        "orderKey": order_key,
        "facetsKey": "#".join((*card.facets, order_key)),
    }


def _item_row(item: ChecklistItem) -> Row:
    return {
        "id": item.item_id,
        "text": item.text,
        "completed": item.completed,
        "order": item.order,
        "createdAt": item.created_at,
        "updatedAt": item.updated_at,
    }


def _item(row: Row) -> ChecklistItem:
    return ChecklistItem(
        item_id=row["id"],
        text=row["text"],
        completed=row["completed"],
        order=int(row["order"]),
        created_at=row["createdAt"],
        updated_at=row["updatedAt"],
    )


def _card(row: Row) -> Card:
    card_id = row["id"]
    return Card(
        card_id=card_id,
        user_id=row["pk"],
        title=row["title"],
        description=row["description"],
        status=CardStatus(row["status"]),
        priority=CardPriority(row["priority"]),
        assignee=Assignee(row["assignee"]),
        due_date=row["dueDate"],
        order=int(row["order"]),
        created_at=row["createdAt"],
        updated_at=row["updatedAt"],
        project_id=row["projectId"],
        origin_card_id=row["originCardId"],
        origin_user_id=row["originUserId"],
        source_relay_id=row["sourceRelayId"],
        checklist=tuple(_item(each) for each in row["checklist"]),
        contacts={each: as_link(link, card_id, each) for each, link in row["contacts"].items()},
        version=int(row["version"]),
    )
