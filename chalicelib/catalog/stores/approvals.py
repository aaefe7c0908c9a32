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
    ApprovalPosition,
    ApprovalQuery,
    ApprovalStatus,
    Backing,
    Standing,
    approval_id,
)
from chalicelib.catalog.domain.catalog import CatalogItem
from chalicelib.catalog.stores.catalog import approval_condition, approval_key, integrator_key, item_key, linked_items
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.reads import get_all
from chalicelib.core.stores.reads import query as rows_of
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.parallel import together
from chalicelib.resources import CATALOG, LIST_INDEX, PERSON_INDEX
from chalicelib.tokens.domain.tokens import GrantState, grant_id
from chalicelib.tokens.stores.tokens import DynamoTokens, end_grant

Reply = dict[str, Any]

_APPROVALS = "APPROVALS"
# One call reads at most this many index pages, however few of their rows match the filters.
_PAGES_PER_LIST = 8
_ROWS_PER_PAGE = 1000


class DynamoApprovals:
    def find_request(self, request_id: str) -> Approval | None:
        """The approval with this id, read consistently. Two store calls, one when there is none."""
        pointer = get_all(CATALOG, [_request_key(request_id)])
        rows = get_all(CATALOG, [approval_key(row["slug"], row["userId"]) for row in pointer])
        return _approval(rows[0]) if rows else None

    def save(self, approval: Approval, *, over: Approval | None, claim: Claim | None, reply: Reply) -> Approval | None:
        """Put `approval` in the place of `over`, with the access and the counts that go with it; or change nothing.

        Returns the approval that stands then: this one, or the one that is there instead of `over`; None when
        the item is missing, or archived while this one would open it. One store call at most.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        if approval == over:
            if claim is None:
                return approval
            actions: list[Action] = [{"ConditionCheck": _as_met(over)}]
        else:
            actions = [_put(approval, over), _counted(approval, over), *_access(approval, over)]
            if over is None:
                pointer = {"slug": approval.slug, "userId": approval.user_id}
                item = to_item(_request_key(approval.approval_id) | pointer)
                actions.append({"Put": {"TableName": CATALOG.physical_name, "Item": item}})
        try:
            commit(actions, claim=claim, reply=reply)
        except Refused as refused:
            return _approval(refused.rows[0]) if refused.rows[0] else None
        return approval

    def find_standing(self, slug: str, user_id: str, *, now: datetime) -> Standing | None:
        """The user's approval for the item with the grants that rest on it, read consistently.

        One store call when there is none, or nothing rests on it; else three in sequence at most.
        """
        rows = {row["sk"]: row for row in get_all(CATALOG, [item_key(slug), approval_key(slug, user_id)])}
        item, found = rows.get("ITEM"), rows.get(approval_key(slug, user_id)["sk"])
        if found is None:
            return None
        approval = _approval(found)
        integrators = tuple(item["integrators"]) if item and _holds(approval) else ()
        return Standing(approval, integrators, _backings(slug, user_id, integrators, now) if integrators else ())

    def revoke(self, revoked: Approval, *, standing: Standing, claim: Claim | None, reply: Reply) -> bool:
        """Revoke the approval and end the grants that rest on it alone; False when any of it is no longer as found.

        One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        counted = _counted(revoked, standing.approval)
        # An item linked to one more integrator since may have given rise to one more grant.
        counted["Update"]["ConditionExpression"] += " AND integrators = :integrators"
        counted["Update"]["ExpressionAttributeValues"] |= values(integrators=list(standing.integrators))
        actions = [_put(revoked, standing.approval), counted, *_access(revoked, standing.approval)]
        ending = [each for each in standing.backings if each.kept_by is None]
        actions += [end_grant(each.grant_id, each.state) for each in ending]
        keepers = sorted({each.kept_by for each in standing.backings if each.kept_by})
        actions += [approval_condition(keeper, revoked.user_id) for keeper in keepers]
        try:
            commit(actions, claim=claim, reply=reply)
        except Refused:
            return False
        return True

    def remember(self, claim: Claim, *, reply: Reply) -> None:
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
            found += [_approval(from_item(dict(item))) for item in page["Items"]]
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
        assets = rows_of(
            CATALOG,
            KeyConditionExpression="pk = :item AND begins_with(sk, :asset)",
            ExpressionAttributeValues=values(item=item_key(item.slug)["pk"], asset="ASSET#"),
            ConsistentRead=True,
        )
        grants = [grant_id(integrator, row["userId"]) for row in assets for integrator in item.integrators]
        states = DynamoTokens().grant_states(grants, now=now)
        return sum(1 for state in states.values() if state.usable)


def _backings(slug: str, user_id: str, integrators: tuple[str, ...], now: datetime) -> tuple[Backing, ...]:
    grants = {integrator: grant_id(integrator, user_id) for integrator in integrators}
    states: dict[str, GrantState]
    states, linked = together(
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
    met = (
        _as_met(over)
        if over
        else {
            "TableName": CATALOG.physical_name,
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    )
    met.pop("Key", None)
    return {"Put": met | {"Item": to_item(approval_key(approval.slug, approval.user_id) | _columns(approval))}}


def _as_met(approval: Approval) -> dict[str, Any]:
    return {
        "TableName": CATALOG.physical_name,
        "Key": to_item(approval_key(approval.slug, approval.user_id)),
        "ConditionExpression": "version = :seen",
        "ExpressionAttributeValues": values(seen=approval.version),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _counted(approval: Approval, over: Approval | None) -> Action:
    live = approval.status.is_live - (over.status.is_live if over else False)
    opens = " AND archivedAt = :never" if approval.status.is_live else ""
    return {
        "Update": {
            "TableName": CATALOG.physical_name,
            "Key": to_item(item_key(approval.slug)),
            "UpdateExpression": "ADD liveApprovals :live, liveAssets :assets",
            "ConditionExpression": f"attribute_exists(pk){opens}",
            "ExpressionAttributeValues": values(
                live=live, assets=_holds(approval) - _holds(over), **({"never": None} if opens else {})
            ),
        }
    }


def _access(approval: Approval, over: Approval | None) -> list[Action]:
    key = {"pk": item_key(approval.slug)["pk"], "sk": f"ASSET#{approval.user_id}"}
    if _holds(approval) and not _holds(over):
        row = {"userId": approval.user_id, "grantedAt": approval.reviewed_at}
        return [{"Put": {"TableName": CATALOG.physical_name, "Item": to_item(key | row)}}]
    if _holds(over) and not _holds(approval):
        return [{"Delete": {"TableName": CATALOG.physical_name, "Key": to_item(key)}}]
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


def _columns(approval: Approval) -> Row:
    return {
        "slug": approval.slug,
        "userId": approval.user_id,
        "email": approval.email,
        "status": approval.status.value,
        "requestedAt": approval.requested_at,
        "reviewedAt": approval.reviewed_at,
        "reviewedByEmail": approval.reviewed_by_email,
        "note": approval.note,
        "reviewNote": approval.review_note,
        "version": approval.version,
    } | _listing(approval.slug, approval.user_id, approval.requested_at)


def _approval(row: Row) -> Approval:
    return Approval(
        slug=row["pk"].partition("#")[2],
        user_id=row["sk"].partition("#")[2],
        email=row["email"],
        status=ApprovalStatus(row["status"]),
        requested_at=row["requestedAt"],
        reviewed_at=row["reviewedAt"],
        reviewed_by_email=row["reviewedByEmail"],
        note=row.get("note"),
        review_note=row.get("reviewNote"),
        version=int(row.get("version", 0)),
    )
