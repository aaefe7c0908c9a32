"""The prompt groups of an agent's instructions."""

from chalice.app import Blueprint

from chalicelib.agents.domain.prompt_groups import PromptGroupsOut, registry
from chalicelib.api.v2.contract import SPEND_OF_INSTANCES, operation
from chalicelib.core.domain.callers import ANY_PERMISSION, ApiKey, InstanceKey, PlatformToken

bp = Blueprint(__name__)


@operation(
    bp,
    "GET",
    "/api/v2/prompt-groups",
    aliases=("/api/v2/api/v2/prompt-groups",),
    tag="Federation",
    answers={200: "The prompt groups and their scoring."},
    permission=ANY_PERMISSION,
    grants=SPEND_OF_INSTANCES,
)
def get_prompt_groups(
    caller: ApiKey | PlatformToken | InstanceKey,  # noqa: ARG001 - everybody is told the same
) -> PromptGroupsOut:
    """List the prompt groups of an agent's instructions, and what triggers each.

    Other instances and agents use the list to make the same choices as this instance. Any valid key works, whatever its
    permissions.
    """
    return registry()
