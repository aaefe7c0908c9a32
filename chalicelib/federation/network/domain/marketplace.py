"""Agents that instances offer to the network: what they are described with, and when they are looked at anew."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import Omittable, OpenIn
from chalicelib.federation.network.domain.instances import Instance, permitted_url

MOST_IN_A_BATCH = 50
MOST_CHANGES_KEPT = 50
FIRST_VERSION = "1.0.0"
# Bytes: what is told of an agent and what has changed of it share a row, which holds 400 KB.
LARGEST_LISTING = 200_000
_LARGEST_CHANGELOG = 60_000

_HIGHEST_PRICE = 10**9
_PRICE = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)", re.ASCII)
_VERSION = re.compile(
    r"(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:\.(0|[1-9]\d{0,8})(-[0-9A-Za-z.-]{1,40})?(\+[0-9A-Za-z.-]{1,40})?)?",
    re.ASCII,
)
# What a reviewer has approved, so that a change of it has to be approved again.
_MATERIAL = (
    "description",
    "longDescription",
    "endpointUrl",
    "pricingModel",
    "pricePerTask",
    "taskTypes",
    "contextInstructions",
    "requiredInputSchema",
    "outputSchema",
    "category",
)


class ListingStatus(StrEnum):
    """What our operator thinks of an agent; only active ones are offered."""

    PENDING = "pending_review"
    ACTIVE = "active"
    REJECTED = "rejected"
    DISABLED = "disabled"


class Category(StrEnum):
    """What an agent is for."""

    RESEARCH = "research"
    CODING = "coding"
    WRITING = "writing"
    ANALYSIS = "analysis"
    OPERATIONS = "operations"
    CREATIVE = "creative"
    GENERAL = "general"


class PricingModel(StrEnum):
    """How an agent's work is paid for."""

    FREE = "free"
    PER_TASK = "per_task"
    TIERED = "tiered"
    DYNAMIC = "dynamic"


def _pricing_model(value: Any) -> Any:
    known = {str(each): each for each in PricingModel} | {"per_execution": PricingModel.PER_TASK}
    return known.get(value, value) if isinstance(value, str) else value


def _price(value: Any) -> Any:
    # Prices come as text too, with or without a currency after the number; what has no number is no price.
    if not isinstance(value, str):
        return value
    found = _PRICE.match(value)
    return float(found[1]) if found else 0.0


def parse_version(text: str) -> str:
    """A semantic version, where `1.2` reads as `1.2.0`.

    Raises:
        ValueError: it is none.
    """
    found = _VERSION.fullmatch(text)
    if found is None:
        raise ValueError("Must be a semantic version, such as 1.2.0")
    return text if found[3] is not None else f"{text}.0"


def bump_version(version: str) -> str:
    """The next version after a change: the patch number grows, and what followed it is gone."""
    found = _VERSION.fullmatch(version)
    assert found is not None
    return f"{found[1]}.{found[2]}.{int(found[3] or 0) + 1}"


def slugify(text: str) -> str:
    """Lower case, with a hyphen for each run of anything but a-z and 0-9, at the ends too."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())


def _version(text: str) -> str:
    try:
        return parse_version(text)
    except ValueError as error:
        raise PydanticCustomError("version", "{reason}", {"reason": str(error)}) from error


Price = Annotated[float, Field(ge=0, le=_HIGHEST_PRICE, allow_inf_nan=False), BeforeValidator(_price)]
TargetUrl = Annotated[str, Field(max_length=2000), AfterValidator(permitted_url)]
Line = Annotated[str, Field(max_length=200)]
Prose = Annotated[str, Field(max_length=20_000)]
Several = Annotated[list[Any], Field(max_length=200)]
Structured = str | list[Any] | dict[str, Any]


class _Member(OpenIn):
    model_config = ConfigDict(alias_generator=to_camel)


class Tier(_Member):
    """One step of a tiered price: so many tasks at this price."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    price_per_task: float = Field(ge=0, le=_HIGHEST_PRICE, allow_inf_nan=False)
    task_limit: Omittable[Annotated[int, Field(ge=1, le=_HIGHEST_PRICE)]] = None
    description: Omittable[Annotated[str, Field(max_length=2000)]] = None


Bound = Annotated[float, Field(ge=0, le=_HIGHEST_PRICE, allow_inf_nan=False)]


class DynamicConfig(_Member):
    """A price that the agent names after its work."""

    estimate_range: Omittable[Annotated[list[Bound], Field(min_length=2, max_length=2)]] = None
    requires_approval: Omittable[bool] = None
    description: Omittable[Annotated[str, Field(max_length=2000)]] = None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.estimate_range and self.estimate_range[0] > self.estimate_range[1]:
            raise PydanticCustomError("range", "estimateRange must not end below its beginning")
        return self


class PricingConfig(_Member):
    """How prices come about, besides the model."""

    model_config = ConfigDict(extra="allow")

    model: Omittable[Annotated[PricingModel, BeforeValidator(_pricing_model)]] = None
    tiers: Omittable[Annotated[list[Tier], Field(max_length=50)]] = None
    dynamic_config: Omittable[DynamicConfig] = None


class AgentPut(_Member):
    """An agent, whole: what is left out is as if it had never been said."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    description: Omittable[Annotated[str, Field(max_length=5000)]] = None
    long_description: Omittable[Prose] = None
    endpoint_url: Omittable[TargetUrl] = Field(None, description="Where it is called, by A2A or MCP; https.")
    auth_method: Omittable[Line] = None
    developer_name: Omittable[Line] = None
    developer_url: Omittable[TargetUrl] = None
    developer_website: Omittable[TargetUrl] = None
    category: Omittable[Category] = None
    tags: Structured | None = None
    input_format: Omittable[Line] = None
    output_format: Omittable[Line] = None
    sample_prompts: Structured | None = None
    pricing_model: Omittable[Annotated[PricingModel, BeforeValidator(_pricing_model)]] = None
    price_per_task: Omittable[Price] = None
    pricing_amount: Omittable[Price] = None
    price: Omittable[Price] = None
    subscription_price: Omittable[Price] = None
    task_limit: Omittable[Annotated[int, Field(ge=1, le=_HIGHEST_PRICE)]] = None
    pricing_config: Omittable[PricingConfig] = Field(
        None, description="With a tiered price its `tiers`, with a dynamic one its `dynamicConfig`."
    )
    currency: Omittable[Annotated[str, Field(min_length=3, max_length=3, pattern="^[A-Z]{3}$")]] = None
    install_guide: Omittable[Prose] = Field(None, description="Markdown.")
    commands: Omittable[Several] = Field(None, description="Objects with name, description and usage.")
    task_types: Omittable[Several] = None
    context_instructions: Omittable[Prose] = None
    context_preparation: Omittable[Prose] = None
    execution_notes: Omittable[Prose] = None
    required_input_schema: Structured | None = None
    output_schema: Structured | None = None
    usage_examples: Structured | None = None
    agent_card_url: Omittable[TargetUrl] = None
    supports_a2a: Omittable[bool] = Field(None, alias="supportsA2A")
    supports_mcp: Omittable[bool] = Field(None, alias="supportsMCP")
    version: Omittable[Annotated[str, Field(max_length=100), AfterValidator(_version)]] = Field(
        None, description="A semantic version; left out, ours counts the changes."
    )
    capabilities: Omittable[dict[str, Any]] = Field(
        None, description="`taskTypes` and `contextInstructions` are found here too."
    )

    @model_validator(mode="after")
    def _priced(self) -> Self:
        config = self.pricing_config
        if self.pricing_model is PricingModel.TIERED and not (config and config.tiers):
            raise PydanticCustomError("tiers", "A tiered price needs pricingConfig.tiers")
        if self.pricing_model is PricingModel.DYNAMIC and not (config and config.dynamic_config):
            raise PydanticCustomError("dynamic", "A dynamic price needs pricingConfig.dynamicConfig")
        return self


class AgentRow(AgentPut):
    """An agent of a batch, by its id on the instance that offers it."""

    id: Annotated[str, Field(min_length=1, max_length=200)]


@dataclass(frozen=True)
class Listing:
    """An agent as it is offered: `details` by their names on the wire, nothing left out.

    `revision` is another word after every write. Versions are semantic; `changelog` has the newest change first.
    """

    marketplace_id: str
    instance_id: str
    remote_id: str
    slug: str
    status: ListingStatus
    version: str
    details: Mapping[str, Any]
    changelog: tuple[Mapping[str, Any], ...]
    created_at: str
    updated_at: str
    revision: str
    reviewed_at: str | None = None
    reason: str | None = None

    @property
    def name(self) -> str:
        return str(self.details["name"])


@dataclass(frozen=True)
class ListingChange:
    """What an update makes of a listing."""

    listing: Listing
    changed: tuple[str, ...]
    re_reviewed: bool


def listing_details(given: AgentPut, instance: Instance) -> dict[str, Any]:
    """All that is published of an agent, with the usual for what was left out."""
    nested = given.capabilities or {}
    prices = (each for each in (given.price_per_task, given.pricing_amount, given.price) if each is not None)
    config = given.pricing_config
    task_types = given.task_types if given.task_types is not None else nested.get("taskTypes")
    instructions = given.context_instructions or nested.get("contextInstructions")
    return {
        "name": given.name,
        "description": given.description or f"Agent from {instance.name}",
        "longDescription": given.long_description,
        "endpointUrl": given.endpoint_url or f"{instance.base_url}/api/a2a",
        "authMethod": given.auth_method or "bearer",
        "developerName": given.developer_name or instance.name,
        "developerUrl": given.developer_url or given.developer_website or instance.base_url,
        "category": str(given.category or Category.GENERAL),
        "tags": as_text(given.tags),
        "inputFormat": given.input_format or "text",
        "outputFormat": given.output_format or "text",
        "samplePrompts": as_text(given.sample_prompts),
        "pricingModel": str(given.pricing_model or PricingModel.FREE),
        "pricePerTask": next(prices, None) or None,
        "subscriptionPrice": given.subscription_price or None,
        "taskLimit": given.task_limit,
        "pricingDetails": as_text(
            config.model_dump(mode="json", by_alias=True, exclude_unset=True) if config else None
        ),
        "currency": given.currency or "USD",
        "installGuide": given.install_guide,
        "commands": as_text(given.commands),
        "taskTypes": as_text(task_types),
        "contextInstructions": as_text(instructions),
        "contextPreparation": given.context_preparation,
        "executionNotes": given.execution_notes,
        "requiredInputSchema": as_text(given.required_input_schema),
        "outputSchema": as_text(given.output_schema),
        "usageExamples": as_text(given.usage_examples),
        "agentCardUrl": given.agent_card_url,
        "supportsA2A": True if given.supports_a2a is None else given.supports_a2a,
        "supportsMCP": bool(given.supports_mcp),
    }


def as_text(value: Any) -> str | None:
    """How structured members are kept and answered: as JSON text, and text as it is."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def slug_candidates(instance: Instance, name: str) -> tuple[str, str]:
    """The slug an agent should have, and the one it gets when somebody else's agent has that."""
    own = slugify(name)
    return f"{slugify(instance.name)}-{own}", f"{instance.instance_id[:8]}-{own}"


def update_listing(
    found: Listing, details: Mapping[str, Any], version: str | None, *, slug: str, at: str
) -> ListingChange:
    """The listing as its instance describes it now.

    Where what was approved has changed, the version grows, the change is noted, and an active agent has to be
    approved again. A version that the instance names itself is taken as it is.
    """
    changed = tuple(name for name in _MATERIAL if _text(found.details.get(name)) != _text(details.get(name)))
    next_version = version if version is not None and version != found.version else found.version
    changelog = found.changelog
    if changed:
        if next_version == found.version:
            next_version = bump_version(found.version)
        note = {
            "version": next_version,
            "date": at,
            "changes": f"Changed: {', '.join(changed)}.",
            "diff": {
                name: {"from": _excerpt(found.details.get(name)), "to": _excerpt(details.get(name))} for name in changed
            },
            "previousVersion": found.version,
        }
        changelog = _newest_changes((note, *changelog))
    re_reviewed = bool(changed) and found.status is ListingStatus.ACTIVE
    made = replace(
        found,
        details=details,
        version=next_version,
        changelog=changelog,
        slug=slug,
        status=ListingStatus.PENDING if re_reviewed else found.status,
        updated_at=at,
    )
    return ListingChange(made, changed, re_reviewed)


def _newest_changes(changelog: tuple[Mapping[str, Any], ...]) -> tuple[Mapping[str, Any], ...]:
    kept = changelog[:MOST_CHANGES_KEPT]
    while len(kept) > 1 and len(json.dumps(kept)) > _LARGEST_CHANGELOG:
        kept = kept[:-1]
    return kept


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _excerpt(value: Any) -> str:
    return _text(value)[:200]
