"""The table of retry ladders: what is tried again, and when."""

from datetime import timedelta

from chalicelib.core.domain import retries
from chalicelib.core.domain.retries import JITTER, BackOff, RetryLadder
from infra.docs.markdown import code, page, table

_INTRODUCTION = f"""\
Failed attempts are repeated after the waits below. Waits of callbacks, notices and connection requests are varied by up
to {JITTER:.0%}, so that attempts which failed together are not repeated together. A `Retry-After` of the other system
can make a wait longer, at most a day. A success ends the work, and so does a refusal that would repeat, such as 410.

To change a ladder, change `chalicelib/core/domain/retries.py` and run `make docs`."""
_MEANINGS = {
    "CALLBACK_RETRIES": "Callbacks of buttons, to integrators",
    "INSTANCE_NOTICE_RETRIES": "Notices of operators' decisions, to instances of the network",
    "REGISTRATION_RETRIES": "Questions to the desk at a registered address, whether the registration is its own",
    "CONNECTION_NOTICE_RETRIES": "Notices over a connection, to the other desk",
    "CONNECTION_ACCEPTANCE_RETRIES": "Acceptances of connection requests",
    "CONNECTION_REQUEST_RETRIES": "Connection requests",
    "PERSONAL_WEBHOOK_RETRIES": "Notifications to a webhook of a person",
    "CHAT_RETRIES": "Notifications to a chat service of a person",
    "PEER_KEY_RETRIES": "Look-ups of the keys that another desk publishes",
    "MAIL_RETRIES": "E-mail to people",
    "RELAY_RETRIES": "Relays and acknowledgements, for each desk",
}
_UNITS = (("h", timedelta(hours=1)), ("min", timedelta(minutes=1)), ("s", timedelta(seconds=1)))


def render() -> str:
    """Return the page."""
    rows = [
        (_MEANINGS[name], _describe_waits(ladder), _describe_end(ladder), code(name))
        for name, ladder in vars(retries).items()
        if isinstance(ladder, RetryLadder | BackOff)
    ]
    return page("Retries", _INTRODUCTION, table(("Work", "Waits", "Ends", "Ladder"), rows))


def _describe_waits(ladder: RetryLadder | BackOff) -> str:
    waits = ladder.waits if isinstance(ladder, BackOff) else ladder.waits[1:]
    return ", ".join(describe_time(each) for each in waits)


def _describe_end(ladder: RetryLadder | BackOff) -> str:
    if isinstance(ladder, BackOff):
        return f"after {describe_time(ladder.give_up_after)}; the last wait repeats until then"
    return f"after {len(ladder.waits)} attempts"


def describe_time(time: timedelta) -> str:
    """Return a time in the largest unit that divides it: "5 min"."""
    name, unit = next((name, unit) for name, unit in _UNITS if not time % unit)
    return f"{time // unit} {name}"
