"""Our tables and what a function may do with them: one name each."""

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Grant:
    """Permission for one DynamoDB action on one table, or on one of its indexes."""

    action: str
    table: "Table"
    index: str | None = None


@dataclass(frozen=True)
class Table:
    """A DynamoDB table of ours."""

    name: str

    @property
    def physical_name(self) -> str:
        return f"{os.environ.get('FLUXDEN_PREFIX', 'fluxden')}-{self.name}"

    def can(self, *actions: str, index: str | None = None) -> tuple[Grant, ...]:
        return tuple(Grant(f"dynamodb:{action}", self, index) for action in actions)


DELIVERIES = Table("deliveries")
TOKENS = Table("tokens")
IDEMPOTENCY = Table("idempotency")
DIRECTORY = Table("directory")

INBOX_INDEX = "inbox"
