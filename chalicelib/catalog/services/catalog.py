"""Catalog items: list, read, create, change, archive and delete them."""

from datetime import datetime
from typing import Protocol

from chalicelib.catalog.domain.catalog import (
    Blockers,
    CatalogItem,
    CatalogItemIn,
    CatalogItemList,
    CatalogItemOut,
    CatalogItemPatch,
    CatalogItemRemoved,
    CatalogItemReply,
    ItemQuery,
    RemovalMode,
    check_size,
    is_slug,
    to_response,
)
from chalicelib.catalog.services.ports import Items
from chalicelib.core.domain.attempts import Attempts
from chalicelib.core.domain.errors import Invalid, ItemInUse, NotFound
from chalicelib.core.domain.idempotency import to_stored_reply
from chalicelib.core.domain.requests import RequestContext
from chalicelib.people.services.ports import People

# Of all items of a list, in characters. A function's reply can have up to 6 MB.
_LARGEST_LIST = 5_000_000
_BUSY = "Too many calls are changing this catalog item. Try again."


class LiveTokens(Protocol):
    def count_live_tokens(self, item: CatalogItem, *, now: datetime) -> int: ...


class ToolsTokens(Protocol):
    def find_integrator(self, tools_token_id: str) -> str | None: ...


def list_items(query: ItemQuery, *, context: RequestContext, items: Items) -> CatalogItemList:
    """List the items that match the filters by display order and name, and count all of them.

    The list has fewer than `limit` items if they are too large for one reply. Store calls after authentication: 2.
    """
    entries = sorted((each for each in items.list_entries() if query.matches(each)), key=lambda each: each.sort_key)
    listed: list[CatalogItemOut] = []
    size = 0
    for item in items.find_items([each.slug for each in entries[: query.limit]]):
        out = to_response(item)
        size += len(out.model_dump_json())
        if listed and size > _LARGEST_LIST:
            break
        listed.append(out)
    return CatalogItemList(items=listed, total_count=len(entries), request_id=context.request_id)


def read_item(slug: str, *, context: RequestContext, items: Items) -> CatalogItemReply:
    """Return an item that is not archived. Store calls after authentication: 1.

    Raises:
        NotFound: there is no such item in use.
    """
    return _reply(_require_active_item(slug, items), context)


def create_item(
    request: CatalogItemIn, *, item_id: str, context: RequestContext, items: Items, people: People, tokens: ToolsTokens
) -> CatalogItemReply:
    """Create an item. Store calls after authentication: 1, and 1 for each of contact and tools token.

    Raises:
        Conflict: another item, archived or not, has the slug.
        Invalid: the contact or the tools token is unknown.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    integrator = _resolve(request.contact_user_id, request.linked_tools_token_id, people=people, tokens=tokens)
    item = CatalogItem.of(request, item_id=item_id, integrator=integrator, now=context.now)
    check_size(item)
    created = _reply(item, context)
    items.add_item(item, claim=context.claim, reply=to_stored_reply(201, created))
    return created


def update_item(
    slug: str, patch: CatalogItemPatch, *, context: RequestContext, items: Items, people: People, tokens: ToolsTokens
) -> CatalogItemReply:
    """Change an item that is not archived.

    Store calls after authentication: 2, and 1 for each of contact and tools token.

    Raises:
        NotFound: there is no such item in use.
        Invalid: the contact or the tools token is unknown, or the item would be too large.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    relinked = "linked_tools_token_id" in patch.model_fields_set
    item = _require_active_item(slug, items)
    resolved = _resolve(patch.contact_user_id, patch.linked_tools_token_id, people=people, tokens=tokens)
    attempts = Attempts(_BUSY)
    while attempts.again():
        changed = item.patched(patch, integrator=resolved if relinked else item.integrator, now=context.now)
        check_size(changed)
        updated = _reply(changed, context)
        if items.save_item(changed, over=item, claim=context.claim, reply=to_stored_reply(200, updated)):
            return updated
        item = _require_active_item(slug, items)


def delete_item(
    slug: str, *, hard: bool, context: RequestContext, items: Items, approvals: LiveTokens
) -> CatalogItemRemoved:
    """Archive an item, or delete it for good when `hard`. Store calls after authentication: 2.

    Raises:
        NotFound: there is no such item.
        ItemInUse: the item is to be deleted for good and approvals, assets or tokens depend on it.
        AlreadyAnswered: the idempotency key has been used; nothing was done.
    """
    if hard:
        return _remove_item(slug, context=context, items=items, approvals=approvals)
    return _archive_item(slug, context=context, items=items)


def _archive_item(slug: str, *, context: RequestContext, items: Items) -> CatalogItemRemoved:
    attempts = Attempts(_BUSY)
    while attempts.again():
        item = _require_item(slug, items)
        archived = item.archived(now=context.now)
        removed = CatalogItemRemoved(
            ok=True,
            mode=RemovalMode.SOFT,
            slug=item.slug,
            item=to_response(archived),
            already_archived=item.archived_at is not None,
            request_id=context.request_id,
        )
        if items.save_item(archived, over=item, claim=context.claim, reply=to_stored_reply(200, removed)):
            return removed


def _remove_item(slug: str, *, context: RequestContext, items: Items, approvals: LiveTokens) -> CatalogItemRemoved:
    attempts = Attempts(_BUSY)
    while attempts.again():
        item = _require_item(slug, items)
        removed = CatalogItemRemoved(
            ok=True,
            mode=RemovalMode.HARD,
            slug=item.slug,
            item=None,
            already_archived=item.archived_at is not None,
            request_id=context.request_id,
        )
        blockers = items.remove_item(item, claim=context.claim, reply=to_stored_reply(200, removed))
        if blockers is None:
            return removed
        if blockers:
            # A live token requires an approval, so the count of tokens does not decide. It only completes the error.
            live = Blockers(blockers.approvals, blockers.assets, approvals.count_live_tokens(item, now=context.now))
            raise ItemInUse("The catalog item is in use. Archive it, or end what depends on it first.", live.members())


def _resolve(
    contact_user_id: str | None, tools_token_id: str | None, *, people: People, tokens: ToolsTokens
) -> str | None:
    reasons: dict[str, list[str]] = {}
    integrator = tokens.find_integrator(tools_token_id) if tools_token_id else None
    if tools_token_id and integrator is None:
        reasons["linked_tools_token_id"] = ["is not a known tools token"]
    if contact_user_id and people.find_person(contact_user_id) is None:
        reasons["contact_user_id"] = ["is not a known employee"]
    if reasons:
        raise Invalid("; ".join(f"{name} {reason}" for name, (reason,) in reasons.items()), reasons)
    return integrator


def _require_item(slug: str, items: Items) -> CatalogItem:
    item = items.find_item(slug) if is_slug(slug) else None
    if item is None:
        raise NotFound("Catalog item not found.")
    return item


def _require_active_item(slug: str, items: Items) -> CatalogItem:
    item = _require_item(slug, items)
    if item.archived_at is not None:
        raise NotFound("The catalog item is archived.")
    return item


def _reply(item: CatalogItem, context: RequestContext) -> CatalogItemReply:
    return CatalogItemReply(ok=True, item=to_response(item), request_id=context.request_id)
