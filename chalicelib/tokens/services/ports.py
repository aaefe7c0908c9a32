"""Ports of tokens: services depend on them, stores and gateways provide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from datetime import datetime

    from chalicelib.core.domain.idempotency import Claim, StoredReply
    from chalicelib.ids import MintedToken, TokenKind
    from chalicelib.tokens.domain.integrations import Integration
    from chalicelib.tokens.domain.keys import Key
    from chalicelib.tokens.domain.tokens import IssuedToken, KeyGrant, ToolsGrant, Usage


class Grants(Protocol):
    """Lists, switches and revokes tokens and keys."""

    def list_keys(self, user_id: str) -> list[Key]: ...
    def switch_key(
        self, key_id: str, *, active: bool, owner_id: str | None, claim: Claim | None, reply: StoredReply
    ) -> bool: ...
    def delete_key(self, key_id: str, *, owner_id: str | None, claim: Claim | None) -> bool: ...
    def list_personal(self, user_id: str) -> list[IssuedToken]: ...
    def list_tools(self) -> list[IssuedToken]: ...
    def find_issued(self, kind: TokenKind, token_id: str) -> IssuedToken | None: ...
    def set_status(self, kind: TokenKind, token_id: str, *, active: bool, while_active: str | None = None) -> bool: ...
    def list_usage(self, user_id: str | None) -> list[Usage]: ...
    def revoke_tools(self, token_id: str, *, claim: Claim | None, reply: StoredReply) -> bool: ...


class Integrations(Protocol):
    """Lists and switches an employee's personal tokens, on their behalf."""

    def list_of(self, user_id: str) -> list[Integration]: ...
    def switch(self, token_id: str, *, active: bool, user_id: str, claim: Claim | None, reply: StoredReply) -> None: ...


class Tokens(Protocol):
    """Adds tokens and keys, and rotates secrets."""

    def add_key(
        self,
        grant: KeyGrant,
        token: MintedToken,
        *,
        now: datetime,
        claim: Claim | None = None,
        reply: StoredReply | None = None,
    ) -> None: ...
    def add_tools(
        self,
        grant: ToolsGrant,
        token: MintedToken,
        *,
        now: datetime,
        claim: Claim | None = None,
        reply: StoredReply | None = None,
    ) -> None: ...
    def rotate(
        self, token: MintedToken, *, now: datetime, at_once: bool, claim: Claim | None, reply: StoredReply
    ) -> datetime: ...
