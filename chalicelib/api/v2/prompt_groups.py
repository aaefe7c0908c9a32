"""Which parts of an agent's instructions a message calls for."""

from chalice.app import Blueprint

from chalicelib.agents.domain.prompt_groups import PromptGroupsOut, registry
from chalicelib.api.v2.contract import SPEND, operation
from chalicelib.core.domain.callers import ANY_AREA, ApiKey, InstanceKey, PlatformToken

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/prompt-groups",
    aliases=("/api/v2/api/v2/prompt-groups",),
    tag="prompt-groups",
    answers={200: "The groups, and how they are scored."},
    area=ANY_AREA,
    grants=SPEND,
)
def get_prompt_groups(
    caller: ApiKey | PlatformToken | InstanceKey,  # noqa: ARG001 - everybody is told the same
) -> PromptGroupsOut:
    """Tell the groups of an agent's instructions, and what calls for each.

    Other desks and agents read this to choose as this one does. Any key will do, whatever it opens.
    """
    return registry()
