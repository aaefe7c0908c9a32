"""The page about the ingest of other systems' requests, from the declared table of adapters."""

from chalicelib.ingest.domain.adapters.table import ADAPTERS, Adapter
from infra.docs.markdown import code, page, table

_INTRODUCTION = """\
Systems that can send a webhook need no program of yours: give them the address of an adapter, and what they send
becomes notifications. `POST /api/v1/ingest/{adapter}` takes a request in the shape of its system and publishes
its events.

- **Who gets them.** With a personal token the token's owner. With a tools token the recipients in the query: `?to=`
  and email addresses, user ids or `group:` and the slug of a project, separated by commas.
- **Routing rules** say by labels and fields who gets what an address of a tools token is sent, see
  [below](#routing-rules).
- **Try it first.** `?dry_run=true` answers the events and their recipients, and makes nothing.
- **Once.** Events keep the identity that their system gives them. A request that is sent again repeats its
  deliveries. Where a system gives none, the `X-Request-Id` of the request identifies its event.
- **Many at once.** A request has up to 100 events, and the reply a row for each. One that is refused does not affect
  the others. If all are refused, the request is refused for the reason of the first.
- **Systems that can set no header** send to `POST /api/v1/ingest/{adapter}/{token}`. Make the address with
  `POST /api/v1/ingest-tokens`, or with the command `ingest-tokens create`. Its token is for one adapter, publishes as
  the token that made it, and is shown masked from then on. With a signing secret, requests that are not signed with it
  are refused.
- **People** make an address in the console under *Account*, *Ingest addresses*, where a mapping is tried on a pasted
  sample, or with an API key that has the permission `all`. It publishes with an active integration of theirs.
- **Limits.** Each event uses the rate units and the daily limit of publishing it. Texts that are too long are cut.
  Links that are not HTTPS to a public host are shown as text. A time that lies more than 24 hours back becomes the
  time of the request.
- **Other shapes.** A request in another shape is refused with 400, and the reason names the adapter that fits.

The event types below follow the prefix of the integrator: `fd1.alert.firing`."""
_ROUTING = """\
## Routing rules

`PUT /api/v1/ingest-tokens/{tokenId}/rules`, or the command `ingest-tokens route`, gives rules to an ingest token of a
tools token. As in a CODEOWNERS file, the last rule that matches decides, so the general ones come first:

```json
{"rules": [
  {"to": ["group:operations"]},
  {"when": {"labels.team": "pay*"}, "to": ["group:payments"]},
  {"when": {"labels.team": "pay*", "severity": "critical"}, "to": ["group:payments", "nadia@example.com"]}
]}
```

- A rule matches if each of its patterns fits the whole text. `*` stands for any characters, and letters match in both
  cases. A rule without patterns matches every event.
- Patterns are for `title`, `event_id`, `type` (below the prefix of the integrator), `severity`, `summary`, and
  `labels.` with the name of a label, as the adapter reads them. A label that an event lacks fits no pattern.
- What no rule matches is for those in `?to=`, and is refused if there is nobody.
- What resolves or notes an event is for everybody who has it, whatever the rules say by then.
- People are kept by user id. An address that nobody has is refused, and the checks of publishing stay: approval, limits
  and projects.
- A token has up to 50 rules, which name up to 50 recipients and have up to 8,000 bytes.
- With `?dry_run=true` each event has its `routing`: the number of the rule that decides, and of all that match. To try
  rules before they are kept, send them as `?rules=` to `POST /api/v1/ingest/{adapter}`."""
_EXAMPLE = """\
## Example

```sh
curl "$FLUXDEN_URL/api/v1/ingest/alertmanager" -H "Authorization: Bearer $FLUXDEN_TOKEN" --json @alerts.json
```"""


def render() -> str:
    """Return the page."""
    names = table(
        ("Adapter", "For"), [(f"[{code(each.name)}](#{each.name})", each.sender) for each in ADAPTERS.values()]
    )
    return page("Ingest", _INTRODUCTION, names, _EXAMPLE, _ROUTING, *map(_describe, ADAPTERS.values()))


def _describe(adapter: Adapter) -> str:
    rows = table(("Of the request", "Becomes"), adapter.maps)
    notes = "\n".join(f"- {each}" for each in adapter.notes)
    return "\n\n".join(part for part in (f"## {adapter.name}", f"{adapter.sender}.", rows, notes) if part)
