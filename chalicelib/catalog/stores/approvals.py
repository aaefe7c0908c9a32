"""The table `catalog`, its approvals: applications, the access they led to, and the grants that rest on it.

ITEM#<slug>  / APPROVAL#<user>  the approval; one for an employee and an item, whatever becomes of it
ITEM#<slug>  / ASSET#<user>     the access, there while the approval is approved
REQUEST#<id> / REQUEST          slug, userId: where the approval with this id is

index list: listed = APPROVALS, listedAs = <requestedAt>#<id>; index person: email, requestedAt
"""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.catalog.domain.approvals import (
    Approval,
    ApprovalImpact,
    ApprovalPosition,
    ApprovalQuery,
    ApprovalStatus,
    Backing,
    approval_id,
)
from chalicelib.catalog.domain.catalog import CatalogItem
from chalicelib.catalog.stores.catalog import approval_check, approval_key, integrator_key, item_key, linked_items
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, check, delete, put, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.parallel import gather
from chalicelib.resources import CATALOG, LIST_INDEX, PERSON_INDEX
from chalicelib.tokens.domain.tokens import GrantState, grant_id
from chalicelib.tokens.stores.tokens import DynamoTokens, end_grant_action

_APPROVALS = "APPROVALS"
_APPROVAL = Codec(Approval, without=("slug", "user_id"))
# One call reads at most this many index pages, however few of their rows match the filters.
_PAGES_PER_LIST = 8
_ROWS_PER_PAGE = 1000


class DynamoApprovals:
    def find_request(self, request_id: str) -> Approval | None:
        """The approval with this id, read consistently. Two store calls, one when there is none."""
        pointer = get_all(CATALOG, [_request_key(request_id)])
        rows = get_all(CATALOG, [approval_key(row["slug"], row["userId"]) for row in pointer])
        return _approval_from_row(rows[0]) if rows else None

    def save(
        self, approval: Approval, *, over: Approval | None, claim: Claim | None, reply: StoredReply
    ) -> Approval | None:
        """Put `approval` in the place of `over`, with the access and the counts that go with it; or change nothing.

        Returns the approval that stands then: this one, or the one that is there instead of `over`; None when
        the item is missing, or archived while this one would open it. One store call at most.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions: list[Action]
        if approval == over:
            if claim is None:
                return approval
            actions = [check(CATALOG, _key(over), "version = :seen", seen=over.version)]
        else:
            actions = [_put(approval, over), _count(approval, over), *_change_access(approval, over)]
            if over is None:
                pointer = {"slug": approval.slug, "userId": approval.user_id}
                actions.append(put(CATALOG, _request_key(approval.approval_id) | pointer))
        try:
            commit(actions, claim=claim, reply=reply)
        except Refused as refused:
            return _approval_from_row(refused.rows[0]) if refused.rows[0] else None
        return approval

    def find_impact(self, slug: str, user_id: str, *, now: datetime) -> ApprovalImpact | None:
        """The user's approval for the item with the grants that rest on it, read consistently.

        One store call when there is none, or nothing rests on it; else three in sequence at most.
        """
        rows = {row["sk"]: row for row in get_all(CATALOG, [item_key(slug), approval_key(slug, user_id)])}
        item, found = rows.get("ITEM"), rows.get(approval_key(slug, user_id)["sk"])
        if found is None:
            return None
        approval = _approval_from_row(found)
        integrators = tuple(item["integrators"]) if item and _holds(approval) else ()
        return ApprovalImpact(approval, integrators, _backings(slug, user_id, integrators, now) if integrators else ())

    def revoke(self, revoked: Approval, *, impact: ApprovalImpact, claim: Claim | None, reply: StoredReply) -> bool:
        """Revoke the approval and end the grants that rest on it alone; False when any of it is no longer as found.

        One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        # An item linked to one more integrator since may have given rise to one more grant.
        linked = list(impact.integrators)
        count = _count(revoked, impact.approval, " AND integrators = :integrators", integrators=linked)
        actions = [_put(revoked, impact.approval), count, *_change_access(revoked, impact.approval)]
        ending = [each for each in impact.backings if each.kept_by is None]
        actions += [end_grant_action(each.grant_id, each.state) for each in ending]
        keepers = sorted({each.kept_by for each in impact.backings if each.kept_by})
        actions += [approval_check(keeper, revoked.user_id) for keeper in keepers]
        return try_commit(actions, claim=claim, reply=reply)

    def remember(self, claim: Claim, *, reply: StoredReply) -> None:
        """Keep the reply of a call that changed nothing. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before.
        """
        commit([], claim=claim, reply=reply)

    def list_page(
        self, query: ApprovalQuery, after: ApprovalPosition | None
    ) -> tuple[Sequence[Approval], ApprovalPosition | None]:
        """Approvals, newest first from an index (eventually consistent), or an item's from the table itself.

        One store call, unless filters leave most rows out; then up to eight, and the page may be short.
        """
        request, filtered = _request(query)
        found: list[Approval] = []
        for _ in range(_PAGES_PER_LIST):
            request["Limit"] = _ROWS_PER_PAGE if filtered else query.limit + 1 - len(found)
            if after:
                request["ExclusiveStartKey"] = to_item(_start(query, after))
            page = dynamodb().query(**request)
            found += [_approval_from_row(from_item(dict(item))) for item in page["Items"]]
            if len(found) > query.limit:
                last = found[query.limit - 1]
                return found[: query.limit], ApprovalPosition(last.slug, last.user_id, last.requested_at)
            if "LastEvaluatedKey" not in page:
                return found, None
            after = _seen(from_item(dict(page["LastEvaluatedKey"])))
        return found, after

    def count_live_tokens(self, item: CatalogItem, *, now: datetime) -> int:
        """How many usable grants of the item's integrators belong to employees approved for it.

        One store call per megabyte of approvals, then one per 100 grants, made at the same time.
        """
        assets = query_partition(CATALOG, item_key(item.slug)["pk"], "ASSET#")
        grants = [grant_id(integrator, row["userId"]) for row in assets for integrator in item.integrators]
        states = DynamoTokens().grant_states(grants, now=now)
        return sum(1 for state in states.values() if state.usable)


def _backings(slug: str, user_id: str, integrators: tuple[str, ...], now: datetime) -> tuple[Backing, ...]:
    grants = {integrator: grant_id(integrator, user_id) for integrator in integrators}
    states: dict[str, GrantState]
    states, linked = gather(
        partial(DynamoTokens().grant_states, list(grants.values()), now=now),
        partial(get_all, CATALOG, [integrator_key(integrator) for integrator in integrators]),
    )
    others = {row["pk"].partition("#")[2]: [each for each in linked_items(row) if each != slug] for row in linked}
    keys = [approval_key(other, user_id) for other in sorted({each for slugs in others.values() for each in slugs})]
    approved = {row["slug"] for row in get_all(CATALOG, keys) if row["status"] == ApprovalStatus.APPROVED}
    return tuple(
        Backing(
            grant_id=grant,
            state=states.get(grant),
            kept_by=next((other for other in others.get(integrator, []) if other in approved), None),
        )
        for integrator, grant in grants.items()
    )


def _put(approval: Approval, over: Approval | None) -> Action:
    row = _key(approval) | {"slug": approval.slug, "userId": approval.user_id} | _APPROVAL.to_row(approval)
    row |= _listing(approval.slug, approval.user_id, approval.requested_at)
    return put(CATALOG, row, "version = :seen", seen=over.version) if over else put_new(CATALOG, row)


def _count(approval: Approval, over: Approval | None, condition: str = "", **named: Any) -> Action:
    if approval.status.is_live:
        condition, named = f" AND archivedAt = :never{condition}", {"never": None, **named}
    return update(
        CATALOG,
        item_key(approval.slug),
        "ADD liveApprovals :live, liveAssets :assets",
        f"{EXISTS}{condition}",
        live=approval.status.is_live - (over.status.is_live if over else False),
        assets=_holds(approval) - _holds(over),
        **named,
    )


def _change_access(approval: Approval, over: Approval | None) -> list[Action]:
    key = {"pk": item_key(approval.slug)["pk"], "sk": f"ASSET#{approval.user_id}"}
    if _holds(approval) and not _holds(over):
        return [put(CATALOG, key | {"userId": approval.user_id, "grantedAt": approval.reviewed_at})]
    if _holds(over) and not _holds(approval):
        return [delete(CATALOG, key)]
    return []


def _holds(approval: Approval | None) -> bool:
    return approval is not None and approval.status is ApprovalStatus.APPROVED


def _request_key(request_id: str) -> Row:
    return {"pk": f"REQUEST#{request_id}", "sk": "REQUEST"}


def _request(query: ApprovalQuery) -> tuple[dict[str, Any], bool]:
    request: dict[str, Any] = {"TableName": CATALOG.physical_name, "ScanIndexForward": False}
    named: Row = {}
    filters = []
    if query.email is not None:
        request |= {"IndexName": PERSON_INDEX, "KeyConditionExpression": "email = :email"}
        named["email"] = query.email
        if query.catalog_slug is not None:
            filters.append("slug = :slug")
            named["slug"] = query.catalog_slug
    elif query.catalog_slug is not None:
        request |= {"KeyConditionExpression": "pk = :item AND begins_with(sk, :approval)", "ConsistentRead": True}
        named |= {"item": item_key(query.catalog_slug)["pk"], "approval": "APPROVAL#"}
    else:
        request |= {"IndexName": LIST_INDEX, "KeyConditionExpression": "listed = :approvals"}
        named["approvals"] = _APPROVALS
    if query.status is not None:
        filters.append("#status = :status")
        named["status"] = query.status.value
        request["ExpressionAttributeNames"] = {"#status": "status"}
    if filters:
        request["FilterExpression"] = " AND ".join(filters)
    return request | {"ExpressionAttributeValues": values(**named)}, bool(filters)


def _start(query: ApprovalQuery, after: ApprovalPosition) -> Row:
    key = approval_key(after.slug, after.user_id)
    if query.email is not None:
        return key | {"email": query.email, "requestedAt": after.requested_at}
    if query.catalog_slug is not None:
        return key
    return key | _listing(after.slug, after.user_id, after.requested_at)


def _seen(key: Row) -> ApprovalPosition:
    requested_at = key.get("requestedAt") or key.get("listedAs", "").partition("#")[0]
    return ApprovalPosition(key["pk"].partition("#")[2], key["sk"].partition("#")[2], requested_at)


def _listing(slug: str, user_id: str, requested_at: str) -> Row:
    return {"listed": _APPROVALS, "listedAs": f"{requested_at}#{approval_id(slug, user_id)}"}


def _key(approval: Approval) -> Row:
    return approval_key(approval.slug, approval.user_id)


def _approval_from_row(row: Row) -> Approval:
    # The indexes hold no version, and no column that repeats the key.
    slug, user_id = row["pk"].partition("#")[2], row["sk"].partition("#")[2]
    return _APPROVAL.from_row({"version": 0} | row, slug=slug, user_id=user_id)
