"""Approvals, in the table `catalog`: requests, the access that they led to, and the grants that depend on it.

ITEM#<slug>  / APPROVAL#<user>  the approval; one for each employee and item
ITEM#<slug>  / ASSET#<user>     the access; exists while the approval is approved
REQUEST#<id> / REQUEST          slug, userId: the key of the approval with this id

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
    DependentGrant,
    approval_id,
)
from chalicelib.catalog.domain.catalog import CatalogItem
from chalicelib.catalog.stores.catalog import approval_check, approval_key, integrator_key, item_key, linked_items
from chalicelib.core.domain.audit import Subject
from chalicelib.core.domain.idempotency import Claim, StoredReply
from chalicelib.core.ports import Action
from chalicelib.core.stores import audit_trail
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
# A list reads at most this many index pages, even if few rows match the filters.
_PAGES_PER_LIST = 8
_ROWS_PER_PAGE = 1000


class DynamoApprovals:
    def find_request(self, request_id: str) -> Approval | None:
        """Find the approval with this id, read consistently. Two store calls, one when there is none."""
        pointer = get_all(CATALOG, [_request_key(request_id)])
        rows = get_all(CATALOG, [approval_key(row["slug"], row["userId"]) for row in pointer])
        return _approval_from_row(rows[0]) if rows else None

    def find_own(self, user_id: str, slugs: Sequence[str]) -> dict[str, Approval]:
        """Find an employee's approvals for these items, read consistently. One store call per hundred at a time."""
        rows = get_all(CATALOG, [approval_key(slug, user_id) for slug in slugs])
        return {each.slug: each for each in map(_approval_from_row, rows)}

    def save(
        self, approval: Approval, *, over: Approval | None, claim: Claim | None, reply: StoredReply
    ) -> Approval | None:
        """Replace `over` by `approval`, and change the access and the counts accordingly; or change nothing.

        Returns the stored approval: this one, or another that was stored instead of `over`. None when the item is
        missing, or archived and this approval would give access to it. One store call at most.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        actions: list[Action]
        if approval == over:
            audit_trail.note_no_change()
            if claim is None:
                return approval
            actions = [check(CATALOG, _key(over), "version = :seen", seen=over.version)]
        else:
            actions = [_put_approval(approval, over), _count_action(approval, over), *_change_access(approval, over)]
            if over is None:
                pointer = {"slug": approval.slug, "userId": approval.user_id}
                actions.append(put(CATALOG, _request_key(approval.approval_id) | pointer))
        try:
            commit(actions, claim=claim, reply=reply, audited=_subject(approval))
        except Refused as refused:
            return _approval_from_row(refused.rows[0]) if refused.rows[0] else None
        return approval

    def find_impact(self, slug: str, user_id: str, *, now: datetime) -> ApprovalImpact | None:
        """Find the user's approval for the item, and the grants that depend on it, read consistently.

        One store call without an approval or dependent grants; else at most three in sequence.
        """
        rows = {row["sk"]: row for row in get_all(CATALOG, [item_key(slug), approval_key(slug, user_id)])}
        item, found = rows.get("ITEM"), rows.get(approval_key(slug, user_id)["sk"])
        if found is None:
            return None
        approval = _approval_from_row(found)
        integrators = tuple(item["integrators"]) if item and _is_approved(approval) else ()
        return ApprovalImpact(
            approval, integrators, _find_dependent_grants(slug, user_id, integrators, now) if integrators else ()
        )

    def revoke(self, revoked: Approval, *, impact: ApprovalImpact, claim: Claim | None, reply: StoredReply) -> bool:
        """Revoke the approval, and end the grants that no other item keeps; False if any of it has changed.

        One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        # If the item was linked to another integrator since, there may be another grant.
        linked = list(impact.integrators)
        count = _count_action(revoked, impact.approval, " AND integrators = :integrators", integrators=linked)
        actions = [_put_approval(revoked, impact.approval), count, *_change_access(revoked, impact.approval)]
        ending = [each for each in impact.dependent_grants if each.kept_by_item is None]
        actions += [end_grant_action(each.grant_id, each.state) for each in ending]
        keepers = sorted({each.kept_by_item for each in impact.dependent_grants if each.kept_by_item})
        actions += [approval_check(keeper, revoked.user_id) for keeper in keepers]
        return try_commit(actions, claim=claim, reply=reply, audited=_subject(revoked))

    def store_reply(self, claim: Claim, *, reply: StoredReply) -> None:
        """Store the reply of a call that changed nothing. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before.
        """
        commit([], claim=claim, reply=reply)

    def list_page(
        self, query: ApprovalQuery, after: ApprovalPosition | None
    ) -> tuple[Sequence[Approval], ApprovalPosition | None]:
        """List approvals: newest first from an index (eventually consistent), or those of an item from the table.

        One store call. If filters drop most rows, up to eight, and the page may be short.
        """
        request, filtered = _list_request(query)
        found: list[Approval] = []
        for _ in range(_PAGES_PER_LIST):
            request["Limit"] = _ROWS_PER_PAGE if filtered else query.limit + 1 - len(found)
            if after:
                request["ExclusiveStartKey"] = to_item(_start_key(query, after))
            page = dynamodb().query(**request)
            found += [_approval_from_row(from_item(dict(item))) for item in page["Items"]]
            if len(found) > query.limit:
                last = found[query.limit - 1]
                return found[: query.limit], ApprovalPosition(last.slug, last.user_id, last.requested_at)
            if "LastEvaluatedKey" not in page:
                return found, None
            after = _position_after(from_item(dict(page["LastEvaluatedKey"])))
        return found, after

    def count_live_tokens(self, item: CatalogItem, *, now: datetime) -> int:
        """Count the usable grants of the item's integrators that belong to employees approved for it.

        One store call per megabyte of approvals, then one per 100 grants, made at the same time.
        """
        assets = query_partition(CATALOG, item_key(item.slug)["pk"], "ASSET#")
        grants = [grant_id(integrator, row["userId"]) for row in assets for integrator in item.integrators]
        states = DynamoTokens().find_grant_states(grants, now=now)
        return sum(1 for state in states.values() if state.usable)


def _find_dependent_grants(
    slug: str, user_id: str, integrators: tuple[str, ...], now: datetime
) -> tuple[DependentGrant, ...]:
    grants = {integrator: grant_id(integrator, user_id) for integrator in integrators}
    states: dict[str, GrantState]
    states, linked = gather(
        partial(DynamoTokens().find_grant_states, list(grants.values()), now=now),
        partial(get_all, CATALOG, [integrator_key(integrator) for integrator in integrators]),
    )
    others = {row["pk"].partition("#")[2]: [each for each in linked_items(row) if each != slug] for row in linked}
    keys = [approval_key(other, user_id) for other in sorted({each for slugs in others.values() for each in slugs})]
    approved = {row["slug"] for row in get_all(CATALOG, keys) if row["status"] == ApprovalStatus.APPROVED}
    return tuple(
        DependentGrant(
            grant_id=grant,
            state=states.get(grant),
            kept_by_item=next((other for other in others.get(integrator, []) if other in approved), None),
        )
        for integrator, grant in grants.items()
    )


def _put_approval(approval: Approval, over: Approval | None) -> Action:
    row = _key(approval) | {"slug": approval.slug, "userId": approval.user_id} | _APPROVAL.to_row(approval)
    row |= _listing(approval.slug, approval.user_id, approval.requested_at)
    return put(CATALOG, row, "version = :seen", seen=over.version) if over else put_new(CATALOG, row)


def _count_action(approval: Approval, over: Approval | None, condition: str = "", **named: Any) -> Action:
    if approval.status.is_live:
        condition, named = f" AND archivedAt = :never{condition}", {"never": None, **named}
    return update(
        CATALOG,
        item_key(approval.slug),
        "ADD liveApprovals :live, liveAssets :assets",
        f"{EXISTS}{condition}",
        live=approval.status.is_live - (over.status.is_live if over else False),
        assets=_is_approved(approval) - _is_approved(over),
        **named,
    )


def _change_access(approval: Approval, over: Approval | None) -> list[Action]:
    key = {"pk": item_key(approval.slug)["pk"], "sk": f"ASSET#{approval.user_id}"}
    if _is_approved(approval) and not _is_approved(over):
        return [put(CATALOG, key | {"userId": approval.user_id, "grantedAt": approval.reviewed_at})]
    if _is_approved(over) and not _is_approved(approval):
        return [delete(CATALOG, key)]
    return []


def _is_approved(approval: Approval | None) -> bool:
    return approval is not None and approval.status is ApprovalStatus.APPROVED


def _request_key(request_id: str) -> Row:
    return {"pk": f"REQUEST#{request_id}", "sk": "REQUEST"}


def _list_request(query: ApprovalQuery) -> tuple[dict[str, Any], bool]:
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


def _start_key(query: ApprovalQuery, after: ApprovalPosition) -> Row:
    key = approval_key(after.slug, after.user_id)
    if query.email is not None:
        return key | {"email": query.email, "requestedAt": after.requested_at}
    if query.catalog_slug is not None:
        return key
    return key | _listing(after.slug, after.user_id, after.requested_at)


def _position_after(key: Row) -> ApprovalPosition:
    requested_at = key.get("requestedAt") or key.get("listedAs", "").partition("#")[0]
    return ApprovalPosition(key["pk"].partition("#")[2], key["sk"].partition("#")[2], requested_at)


def _listing(slug: str, user_id: str, requested_at: str) -> Row:
    return {"listed": _APPROVALS, "listedAs": f"{requested_at}#{approval_id(slug, user_id)}"}


def _subject(approval: Approval) -> Subject:
    return Subject("approval", approval.approval_id, approval.user_id)


def _key(approval: Approval) -> Row:
    return approval_key(approval.slug, approval.user_id)


def _approval_from_row(row: Row) -> Approval:
    # The indexes have no version, and no columns that repeat the key.
    slug, user_id = row["pk"].partition("#")[2], row["sk"].partition("#")[2]
    return _APPROVAL.from_row({"version": 0} | row, slug=slug, user_id=user_id)
