"""A person's own channels, in the table `directory`: USER#<id> / REACH#<kind>#<channel id>.

label, service, host, createdAt, state, testedAt, lastUsedAt, failingSince, failure, pausedAt; sealedTarget: the whole
URL; sealedSecret: what signs the requests of a webhook (both see vault)

The number of a person's channels is kept beside their sockets, in the table `sockets`: pk = <user id>, sk = WEBPUSH;
channels; reach: has the ids of the active ones. So publishing reads with the listeners whether there are any.
"""

from collections.abc import Mapping
from typing import Any

from chalicelib.core.domain import bounds
from chalicelib.core.domain.errors import Conflict, Forbidden
from chalicelib.core.domain.idempotency import Claim
from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import EXISTS, delete, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get_all, query_partition
from chalicelib.core.stores.writes import Refused, commit, try_commit
from chalicelib.live.stores.push import mark_reach
from chalicelib.live.stores.sockets import BROWSERS_MARK
from chalicelib.people.stores.directory_rows import active_person_check, person_key, row_name
from chalicelib.reach.domain.channels import Channel, ChannelKind, Target
from chalicelib.resources import DIRECTORY, SOCKETS
from chalicelib.vault import seal, unseal

_PREFIX = "REACH#"
_CHANNEL = Codec(Channel, without=("user_id", "channel_id", "kind"))
# What changes when a message was sent. The rest of a row stays as it was made.
_CHANGING = ("state", "testedAt", "lastUsedAt", "failingSince", "failure", "pausedAt")


class DynamoChannels:
    def list_of(self, user_id: str) -> list[Channel]:
        """List a person's channels, oldest first. One store call."""
        rows = query_partition(DIRECTORY, _partition(user_id), _PREFIX)
        found = [_from_row(user_id, row) for row in rows]
        return sorted(found, key=lambda each: (each.created_at, each.channel_id))

    def find_with_target(self, user_id: str, kind: ChannelKind, channel_id: str) -> tuple[Channel, Target] | None:
        """Find a channel of an active person, with where it leads, read consistently. One store call.

        Raises:
            ValueError: it was sealed with another deployment's key.
        """
        key, owner = _key(user_id, kind, channel_id), person_key(user_id)
        rows = {row_name(row): row for row in get_all(DIRECTORY, [key, owner])}
        row, person = rows.get(row_name(key)), rows.get(row_name(owner))
        if row is None or person is None or not person.get("active"):
            return None
        place = _place(user_id, kind, channel_id)
        secret = unseal(row["sealedSecret"], place=place) if "sealedSecret" in row else None
        return _from_row(user_id, row), Target(unseal(row["sealedTarget"], place=place), secret)

    def add(self, channel: Channel, target: Target, *, claim: Claim | None, reply: dict[str, Any]) -> None:
        """Store a new channel. One store call.

        Raises:
            Conflict: the person has all the channels they may have.
            Forbidden: the person is no active employee.
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        place = _place(channel.user_id, channel.kind, channel.channel_id)
        row = _key(channel.user_id, channel.kind, channel.channel_id) | _plain(_CHANNEL.to_row(channel))
        row |= {"sealedTarget": seal(target.url, place=place)}
        row |= {"sealedSecret": seal(target.secret, place=place)} if target.secret else {}
        counted = _mark(channel.user_id, "ADD channels :change", "channels", change=1, end=bounds.CHANNELS.most)
        try:
            commit(
                [put_new(DIRECTORY, row), counted, active_person_check(channel.user_id)],
                claim=claim,
                reply=reply,
                audited=True,
            )
        except Refused as refused:
            if 1 not in refused.failed:
                raise Forbidden("The owner of this channel is no employee.") from refused
            bounds.CHANNELS.note_met(channel.user_id)
            raise Conflict(f"A person has at most {bounds.CHANNELS.most} channels. Remove one first.") from refused

    def remove(self, channel: Channel, *, claim: Claim | None, reply: dict[str, Any]) -> bool:
        """Delete a channel; False if it is gone. One store call.

        Raises:
            AlreadyAnswered: the claim has been used before; nothing was written.
        """
        key = _key(channel.user_id, channel.kind, channel.channel_id)
        counted = _mark(channel.user_id, "ADD channels :change DELETE reach :ids", change=-1, ids={channel.channel_id})
        return try_commit([delete(DIRECTORY, key, EXISTS), counted], claim=claim, reply=reply, audited=True)

    def save(self, channel: Channel, *, over: Channel) -> bool:
        """Store what a message made of a channel; False if it is gone, or has become another. One store call."""
        row = _CHANNEL.to_row(channel)
        sets = {name: row[name] for name in _CHANGING if row[name] is not None}
        gone = [name for name in _CHANGING if row[name] is None]
        expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
        expression += f" REMOVE {', '.join(gone)}" if gone else ""
        changed = update(
            DIRECTORY,
            _key(channel.user_id, channel.kind, channel.channel_id),
            expression,
            f"{EXISTS} AND #state = :seen",
            seen=over.state.value,
            **sets,
        )
        if channel.is_active == over.is_active:
            return try_commit([changed])
        return try_commit([changed, mark_reach(channel.user_id, channel.channel_id, is_on=channel.is_active)])


def _mark(user_id: str, change: str, below: str = "", /, **named: Any) -> Action:
    """Return the change of the row that publishing reads. With `below` the attribute must be less than `end`."""
    # Every such row has the number of browsers, since publishing reads that.
    expression = f"SET browsers = if_not_exists(browsers, :none) {change}"
    condition = f"attribute_not_exists({below}) OR {below} < :end" if below else ""
    return update(SOCKETS, {"pk": user_id, "sk": BROWSERS_MARK}, expression, condition, none=0, **named)


def _plain(row: Row) -> Row:
    return {name: value for name, value in row.items() if value is not None}


def _from_row(user_id: str, row: Mapping[str, Any]) -> Channel:
    _, kind, channel_id = row["sk"].split("#")
    return _CHANNEL.from_row(row, user_id=user_id, kind=ChannelKind(kind), channel_id=channel_id)


def _partition(user_id: str) -> str:
    return f"USER#{user_id}"


def _key(user_id: str, kind: ChannelKind, channel_id: str) -> Row:
    return {"pk": _partition(user_id), "sk": f"{_PREFIX}{kind.value}#{channel_id}"}


def _place(user_id: str, kind: ChannelKind, channel_id: str) -> str:
    return f"{_partition(user_id)}/{_PREFIX}{kind.value}#{channel_id}"
