"""Descriptions of agents, as the instances that offer them send them."""

import json
import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from chalicelib.core.domain.fields import WHOLE, Omittable, OpenIn, one_line
from chalicelib.federation.network.domain.instances import Instance, permitted_url
from chalicelib.federation.network.domain.marketplace import parse_version

_HIGHEST_PRICE = 10**9
_PRICE = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?)", re.ASCII)


class Category(StrEnum):
    """The category of an agent."""

    RESEARCH = "research"
    CODING = "coding"
    WRITING = "writing"
    ANALYSIS = "analysis"
    OPERATIONS = "operations"
    CREATIVE = "creative"
    GENERAL = "general"


class PricingModel(StrEnum):
    """The pricing model of an agent."""

    FREE = "free"
    PER_TASK = "per_task"
    TIERED = "tiered"
    DYNAMIC = "dynamic"


def _pricing_model(value: Any) -> Any:
    known = {str(each): each for each in PricingModel} | {"per_execution": PricingModel.PER_TASK}
    return known.get(value, value) if isinstance(value, str) else value


def _price(value: Any) -> Any:
    # Prices can be text, with or without a currency after the number. Text without a number means free.
    if not isinstance(value, str):
        return value
    found = _PRICE.match(value)
    return float(found[1]) if found else 0.0


def _version(text: str) -> str:
    try:
        return parse_version(text)
    except ValueError as error:
        raise PydanticCustomError("version", "{reason}", {"reason": str(error)}) from error


Price = Annotated[float, Field(ge=0, le=_HIGHEST_PRICE, allow_inf_nan=False), BeforeValidator(_price)]
TargetUrl = Annotated[str, Field(max_length=2000), AfterValidator(permitted_url)]
Line = Annotated[str, AfterValidator(one_line), Field(max_length=200)]
Prose = Annotated[str, Field(max_length=20_000)]
Several = Annotated[list[Any], Field(max_length=200)]
Structured = str | list[Any] | dict[str, Any]


class _Member(OpenIn):
    model_config = ConfigDict(alias_generator=to_camel)


class Tier(_Member):
    """One tier of a tiered price."""

    name: Annotated[str, AfterValidator(one_line), Field(min_length=1, max_length=200)]
    price_per_task: float = Field(ge=0, le=_HIGHEST_PRICE, allow_inf_nan=False)
    task_limit: Omittable[Annotated[int, Field(ge=1, le=_HIGHEST_PRICE), WHOLE]] = None
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
    """The details of a pricing model."""

    model_config = ConfigDict(extra="allow")

    model: Omittable[Annotated[PricingModel, BeforeValidator(_pricing_model)]] = None
    tiers: Omittable[Annotated[list[Tier], Field(max_length=50)]] = None
    dynamic_config: Omittable[DynamicConfig] = None


class AgentPut(_Member):
    """A whole agent. A member that is left out gets its default."""

    name: Annotated[str, AfterValidator(one_line), Field(min_length=1, max_length=100)]
    description: Omittable[Annotated[str, Field(max_length=5000)]] = None
    long_description: Omittable[Prose] = None
    endpoint_url: Omittable[TargetUrl] = Field(None, description="The https URL where it is called, by A2A or MCP.")
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
    task_limit: Omittable[Annotated[int, Field(ge=1, le=_HIGHEST_PRICE), WHOLE]] = None
    pricing_config: Omittable[PricingConfig] = Field(
        None, description="`tiers` of a tiered price, or `dynamicConfig` of a dynamic one."
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
        None, description="A semantic version. By default, it grows with every material change."
    )
    capabilities: Omittable[dict[str, Any]] = Field(None, description="May have `taskTypes` and `contextInstructions`.")

    @model_validator(mode="after")
    def _priced(self) -> Self:
        config = self.pricing_config
        if self.pricing_model is PricingModel.TIERED and not (config and config.tiers):
            raise PydanticCustomError("tiers", "A tiered price needs pricingConfig.tiers")
        if self.pricing_model is PricingModel.DYNAMIC and not (config and config.dynamic_config):
            raise PydanticCustomError("dynamic", "A dynamic price needs pricingConfig.dynamicConfig")
        return self


class AgentRow(AgentPut):
    """An agent of a batch. `id` is its id at the instance that offers it."""

    id: Annotated[str, Field(min_length=1, max_length=200)]


def listing_details(given: AgentPut, instance: Instance) -> dict[str, Any]:
    """Return the details that are published of an agent, with defaults for what was left out."""
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
        "origin": instance.base_url,
    }


def as_text(value: Any) -> str | None:
    """Return a structured member as JSON text, and text as it is."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
