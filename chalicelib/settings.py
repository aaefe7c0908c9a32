"""The few values a deployment may set, read from the environment at first use."""

import os
from dataclasses import dataclass
from functools import cache

VERSION = "0.1.0"


@dataclass(frozen=True)
class Settings:
    """One process's settings.

    Budgets are rate units per minute and token; daily limits are deliveries per UTC day.
    """

    personal_budget: int
    tools_budget: int
    key_budget: int
    error_base_url: str


@cache
def settings() -> Settings:
    """Read the settings once.

    Raises:
        ValueError: a budget is not a positive whole number.
    """
    return Settings(
        personal_budget=positive_integer("FLUXDEN_PERSONAL_BUDGET", 120),
        tools_budget=positive_integer("FLUXDEN_TOOLS_BUDGET", 600),
        key_budget=positive_integer("FLUXDEN_KEY_BUDGET", 120),
        error_base_url=os.environ.get("FLUXDEN_ERROR_BASE_URL", "https://docs.fluxdesk.net/api/v1/errors").rstrip("/"),
    )


def positive_integer(name: str, default: int) -> int:
    """The environment variable `name` as a number above zero.

    Raises:
        ValueError: it is set to anything else.
    """
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"{name} must be a whole number above zero")
    return int(text)
