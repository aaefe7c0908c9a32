"""Offered agents as replies show them, and the results of a batch."""

from typing import Annotated, Any, Literal

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

from chalicelib.core.domain.fields import Omittable, OpenIn, Out, TimeOut, UuidOut
from chalicelib.federation.network.domain.agent_descriptions import AgentRow
from chalicelib.federation.network.domain.marketplace import MOST_IN_A_BATCH, Listing, ListingChange, ListingStatus


class _AnyRow:
    """Any JSON value, since each row of a batch is validated on its own. The document has the schema of a row."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.any_schema()

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return handler(AgentRow.__pydantic_core_schema__)


class AgentsIn(OpenIn):
    """All or some of the agents that an instance offers. An invalid row does not affect the others."""

    agents: list[Annotated[Any, _AnyRow()]] = Field(min_length=1, max_length=MOST_IN_A_BATCH)


class SyncRowOut(Out):
    """The result of one row."""

    remote_id: str | None
    name: Omittable[str] = None
    status: Literal["created", "updated", "skipped", "error"]
    reason: Omittable[str] = None
    marketplace_id: Omittable[UuidOut] = None
    slug: Omittable[str] = None
    approval_status: Omittable[ListingStatus] = None
    previous_status: Omittable[ListingStatus] = None
    material_changes: Omittable[bool] = None
    changed_fields: Omittable[list[str]] = None
    version: Omittable[str] = None
    price_per_task: float | None = None
    pricing_model: Omittable[str] = None


class SyncOut(Out):
    """The results of the batch. `synced` counts the rows that were created or updated."""

    success: Literal[True]
    status: Literal["pending_review"]
    instance_id: UuidOut
    synced: int
    re_reviewed: int
    total: int
    results: list[SyncRowOut]
    message: Omittable[str] = None


class ListedAgentOut(Out):
    """An agent that the instance offers. Its revenue is zero, since this desk handles no payments."""

    id: UuidOut
    name: str
    slug: str
    description: str
    category: str
    status: ListingStatus
    remote_agent_id: str
    pricing_model: str
    price_per_task: float | None
    pricing_details: str | None
    total_executions: int
    avg_rating: float
    total_ratings: int
    total_gross_revenue: float
    total_developer_payout: float
    supports_a2a: bool = Field(alias="supportsA2A")
    supports_mcp: bool = Field(alias="supportsMCP")
    version: str
    created_at: TimeOut
    updated_at: TimeOut


class WholeAgentOut(ListedAgentOut):
    """An agent with all its details. Structured members are JSON text."""

    long_description: str | None
    endpoint_url: str
    subscription_price: float | None
    task_limit: int | None
    pending_payout: float
    install_guide: str | None
    commands: str | None
    sample_prompts: str | None
    task_types: str | None
    context_instructions: str | None
    changelog: list[dict[str, Any]]


class AgentsOut(Out):
    """All agents of the instance, ordered by their id there."""

    instance_id: UuidOut
    agents: list[ListedAgentOut]
    total: int


class AgentOut(Out):
    """One agent."""

    success: Literal[True]
    agent: WholeAgentOut


class AgentPutOut(Out):
    """The agent that was created or updated."""

    success: Literal[True]
    action: Literal["created", "updated"]
    marketplace_id: UuidOut
    remote_id: str
    slug: str
    approval_status: ListingStatus
    version: str
    material_changes: bool


class AgentDeletedOut(Out):
    """The agent was deleted."""

    success: Literal[True]
    deleted: Literal[True]
    remote_id: str


def created_row(made: Listing) -> SyncRowOut:
    return SyncRowOut(status="created", **_common(made))


def updated_row(change: ListingChange, before: Listing) -> SyncRowOut:
    return SyncRowOut(
        status="updated",
        previous_status=before.status,
        material_changes=bool(change.changed),
        changed_fields=list(change.changed),
        **_common(change.listing),
    )


def failed_row(remote_id: str | None, status: Literal["skipped", "error"], reason: str) -> SyncRowOut:
    return SyncRowOut(remote_id=remote_id, status=status, reason=reason)


def to_listing_response(listing: Listing) -> ListedAgentOut:
    return ListedAgentOut.model_validate(_columns(listing))


def to_agent_response(listing: Listing) -> WholeAgentOut:
    return WholeAgentOut.model_validate(
        {**_columns(listing), "pendingPayout": 0, "changelog": [dict(each) for each in listing.changelog]}
    )


def _common(listing: Listing) -> dict[str, Any]:
    return {
        "remote_id": listing.remote_id,
        "name": listing.name,
        "marketplace_id": listing.marketplace_id,
        "slug": listing.slug,
        "approval_status": listing.status,
        "version": listing.version,
        "price_per_task": listing.details["pricePerTask"],
        "pricing_model": listing.details["pricingModel"],
    }


def _columns(listing: Listing) -> dict[str, Any]:
    return {
        **listing.details,
        "id": listing.marketplace_id,
        "slug": listing.slug,
        "status": listing.status,
        "remoteAgentId": listing.remote_id,
        "version": listing.version,
        "createdAt": listing.created_at,
        "updatedAt": listing.updated_at,
        "totalExecutions": 0,
        "avgRating": 0,
        "totalRatings": 0,
        "totalGrossRevenue": 0,
        "totalDeveloperPayout": 0,
    }
