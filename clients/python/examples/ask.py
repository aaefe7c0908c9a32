"""Ask for approval, wait, and act on what was approved. Set FLUXDEN_URL and FLUXDEN_TOKEN, an API key."""

from fluxden import Desk
from fluxden.generated.v2_models import ProposalIn

with Desk.from_environment() as desk:
    proposal: ProposalIn = {"tool": "deploy", "why": "All tests pass.", "arguments": {"version": "812"}}
    task = desk.v2.add_queue_item({"title": "Deploy 812?", "metadata": {"proposal": proposal}})["data"]
    decision = desk.wait_for_decision(task["id"], timeout=3600)
    if decision.state == "approved":
        print("deploying", decision.arguments)
