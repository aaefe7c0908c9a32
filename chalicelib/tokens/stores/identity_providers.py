"""Providers of identities, and whom their subjects are, in the table `directory` (see directory).

PROVIDERS / <provider id>             the provider; clientSecret: sealed (see vault)
PROVIDER#<provider id> / DISCOVERY    what it publishes of itself, and its keys, as they were read at `readAt`
SUBJECT#<sha-256 of issuer and subject> / USER    userId
USER#<user id> / SUBJECT#<sha-256 of the issuer>  subjectHash: a person has one subject of each issuer
"""

import hashlib

from chalicelib.core.stores.actions import delete, put, put_new
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.items import Row
from chalicelib.core.stores.reads import get, get_all, query_partition
from chalicelib.core.stores.writes import commit, try_commit
from chalicelib.people.stores.directory_rows import person_key, row_key
from chalicelib.resources import DIRECTORY
from chalicelib.tokens.domain.identity_providers import Discovery, Identity, Provider
from chalicelib.vault import seal, unseal

_PROVIDERS = "PROVIDERS"
_PROVIDER = Codec(Provider, without=("provider_id",))
_DISCOVERY = Codec(Discovery)


class DynamoIdentityProviders:
    def list_providers(self) -> list[Provider]:
        """List the providers, by id. One store call."""
        return [_from_row(row) for row in query_partition(DIRECTORY, _PROVIDERS)]

    def find_provider(self, provider_id: str) -> Provider | None:
        """Find a provider. One store call."""
        row = get(DIRECTORY, _key(provider_id))
        return _from_row(row) if row else None

    def read_secret(self, provider_id: str) -> str:
        """Read the secret that this desk shares with a provider. One store call."""
        row = get(DIRECTORY, _key(provider_id))
        assert row is not None
        return unseal(row["clientSecret"], place=_place(provider_id))

    def save_provider(self, provider: Provider, secret: str) -> None:
        """Add or replace a provider, and forget what it published. One store call."""
        sealed = {"clientSecret": seal(secret, place=_place(provider.provider_id))}
        row = _key(provider.provider_id) | _PROVIDER.to_row(provider) | sealed
        commit([put(DIRECTORY, row), delete(DIRECTORY, _discovery_key(provider.provider_id))])

    def remove_provider(self, provider_id: str) -> bool:
        """Remove a provider; False if it is unknown. Who it belongs to stays known. One store call."""
        keys = (_key(provider_id), _discovery_key(provider_id))
        conditions = ("attribute_exists(pk)", "")
        return try_commit([delete(DIRECTORY, key, condition) for key, condition in zip(keys, conditions, strict=True)])

    def find_discovery(self, provider_id: str) -> Discovery | None:
        """Find what a provider published when it was last read. One store call."""
        row = get(DIRECTORY, _discovery_key(provider_id))
        return _DISCOVERY.from_row(row) if row else None

    def save_discovery(self, provider_id: str, discovery: Discovery) -> None:
        """Keep what a provider publishes. One store call."""
        commit([put(DIRECTORY, _discovery_key(provider_id) | _DISCOVERY.to_row(discovery))])

    def find_subject(self, identity: Identity) -> str | None:
        """Find the user id of a subject; None if it has not signed in before. One store call."""
        rows = get_all(DIRECTORY, [_subject_key(identity)])
        return str(rows[0]["userId"]) if rows else None

    def link_subject(self, identity: Identity, user_id: str) -> bool:
        """Make a subject that of a person; False if it is somebody's, or the person has another. One store call."""
        subject = _subject_key(identity)
        own = row_key(person_key(user_id)["pk"], f"SUBJECT#{_hash(identity.issuer)}")
        return try_commit(
            [
                put_new(DIRECTORY, subject | {"userId": user_id}),
                put_new(DIRECTORY, own | {"subjectHash": subject["pk"]}),
            ]
        )


def _from_row(row: Row) -> Provider:
    return _PROVIDER.from_row(row, provider_id=row["sk"])


def _key(provider_id: str) -> Row:
    return row_key(_PROVIDERS, provider_id)


def _place(provider_id: str) -> str:
    return f"{_PROVIDERS}/{provider_id}"


def _discovery_key(provider_id: str) -> Row:
    return row_key(f"PROVIDER#{provider_id}", "DISCOVERY")


def _subject_key(identity: Identity) -> Row:
    return row_key(f"SUBJECT#{_hash(identity.issuer, identity.subject)}", "USER")


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
