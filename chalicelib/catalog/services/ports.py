"""Ports of catalog: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from chalicelib.catalog.domain.catalog import Blockers, CatalogItem, ItemEntry
    from chalicelib.core.domain.callers import ToolsToken
    from chalicelib.core.domain.idempotency import Claim, StoredReply
    from chalicelib.core.ports import Action
    from chalicelib.ids import MintedToken
    from chalicelib.tokens.domain.tokens import GrantTerms, GrantView, MintOutcome, PersonalGrant


class Approvers(Protocol):
    """Finds an integrator's items and who approves among people."""

    def list_linked_items(self, integrator: str) -> Sequence[str]: ...
    def find_approving_items(self, items: Sequence[str], user_ids: Sequence[str]) -> Mapping[str, str]: ...
    def require_access(self, slug: str, user_id: str) -> Sequence[Action]: ...


class Items(Protocol):
    """Finds, adds, changes and removes catalog items."""

    def find_item(self, slug: str) -> CatalogItem | None: ...
    def find_items(self, slugs: Sequence[str]) -> list[CatalogItem]: ...
    def list_entries(self) -> list[ItemEntry]: ...
    def add_item(self, item: CatalogItem, *, claim: Claim | None, reply: StoredReply) -> None: ...
    def save_item(self, item: CatalogItem, *, over: CatalogItem, claim: Claim | None, reply: StoredReply) -> bool: ...
    def remove_item(self, item: CatalogItem, *, claim: Claim | None, reply: StoredReply) -> Blockers | None: ...


class PersonalGrants(Protocol):
    """Finds and issues personal tokens, and takes deliveries from a tools token's budget."""

    def find_grants(self, grant_ids: Sequence[str], *, now: datetime) -> Mapping[str, GrantView]: ...
    def put_claim(
        self,
        grant: PersonalGrant,
        token: MintedToken,
        *,
        terms: GrantTerms,
        approved_by: str,
        seen: GrantView | None,
        now: datetime,
        claim: Claim | None,
        reply: StoredReply,
    ) -> bool: ...
    def put_first_token(
        self, grant: PersonalGrant, token: MintedToken, *, approved_by: str, seen: GrantView | None, now: datetime
    ) -> MintOutcome: ...
    def take_deliveries(self, caller: ToolsToken, deliveries: int) -> bool: ...
    def return_deliveries(self, caller: ToolsToken, deliveries: int, *, now: datetime) -> None: ...
