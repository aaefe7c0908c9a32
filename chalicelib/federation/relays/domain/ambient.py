"""The filters of ambient relays that a person has in their profile."""

from datetime import datetime

from chalicelib.federation.relays.domain.relays import FilterReason, Scope
from chalicelib.people.domain.profile import ProfileOut, RelayMode, TopicFilterOut, in_quiet_hours


def refuse_ambient(
    profile: ProfileOut, *, topic: str | None, scope: Scope, now: datetime
) -> tuple[FilterReason, str] | None:
    """Return why an ambient relay of this topic and scope is filtered out, as reason and detail; None if it is not."""
    if profile.relay_mode is RelayMode.OFF:
        return FilterReason.DISABLED, "relay_mode_off"
    if profile.relay_mode is RelayMode.MINIMAL:
        return FilterReason.DISABLED, "relay_mode_minimal_blocks_ambient"
    if not profile.allow_ambient_inbound:
        return FilterReason.DISABLED, "ambient_inbound_disabled"
    for each in profile.relay_topic_filters:
        if (detail := _filtered(each, topic, scope)) is not None:
            return FilterReason.TOPIC, detail
    hours = profile.relay_quiet_hours
    if hours is not None and in_quiet_hours(hours.start, hours.end, hours.timezone, now=now):
        return FilterReason.QUIET_HOURS, "quiet_hours"
    return None


def _filtered(entry: str | TopicFilterOut, topic: str | None, scope: Scope) -> str | None:
    if isinstance(entry, str):
        return f"topic_filtered:{topic}" if topic and entry.casefold() == topic.casefold() else None
    wanted = {"topic": entry.topic, "projectId": entry.project_id, "teamId": entry.team_id}
    known = {"topic": topic, "projectId": scope.project_id, "teamId": scope.team_id}
    present = {name: value for name, value in wanted.items() if value}
    if not present or any((known[name] or "").casefold() != value.casefold() for name, value in present.items()):
        return None
    return "scope_filtered:" + ",".join(f"{name}={value}" for name, value in present.items())
