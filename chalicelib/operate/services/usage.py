"""Show rate budgets, and how much of them tokens have used."""

from chalicelib.core.domain.requests import RequestContext
from chalicelib.operate.domain.usage import Budgets, LimitsOut, UsageOut, to_window_response
from chalicelib.tokens.services.ports import Grants


def show_usage(user_id: str | None, budgets: Budgets, *, context: RequestContext, grants: Grants) -> UsageOut:
    """Show the budgets and current usage of all tools tokens, or of one person's personal tokens and keys.

    Store calls in sequence: 2.
    """
    found = grants.list_usage(user_id)
    return UsageOut(
        limits=LimitsOut(**vars(budgets)), tokens=[to_window_response(each, budgets, now=context.now) for each in found]
    )
