"""The federation settings of this desk and its signing key, in the table `peers`.

FEDERATION / SETTINGS  mode, inbound, approval; suspendedOrigins, blockedOrigins: sets
FEDERATION / KEY       keyId, publicKey; privateKey: sealed (see vault). Created when it is first needed
                       priorKeyId, priorPublicKey: the key before it
"""

import uuid

from chalicelib.core.ports import Action
from chalicelib.core.stores.actions import assignments, put, put_new, update
from chalicelib.core.stores.codec import Codec
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import commit, try_commit
from chalicelib.federation.connections.domain.connections import PeerKey
from chalicelib.federation.connections.domain.federation_settings import FederationSettings
from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.resources import PEERS
from chalicelib.vault import seal, unseal

_SETTINGS = {"pk": "FEDERATION", "sk": "SETTINGS"}
_KEY = {"pk": "FEDERATION", "sk": "KEY"}
_PLACE = "FEDERATION/KEY"
_CODEC = Codec(FederationSettings, without=("suspended", "blocked"))


class DynamoFederation:
    def find_settings(self) -> FederationSettings:
        """Return the settings; by default this desk lets nobody in. One store call."""
        row = get(PEERS, _SETTINGS)
        row = row or {}
        return _CODEC.from_row(
            row,
            suspended=frozenset(row.get("suspendedOrigins", ())),
            blocked=frozenset(row.get("blockedOrigins", ())),
        )

    def save_settings(self, settings: FederationSettings) -> None:
        """Replace all settings but the suspended and blocked origins, which change on their own. One store call."""
        row = _CODEC.to_row(settings)
        commit([update(PEERS, _SETTINGS, f"SET {assignments(row)}", **row)])

    def block(self, origin: str, *, blocked: bool) -> None:
        """Let nothing in from the desk at this canonical origin, or let it in again. One store call."""
        verb = "ADD" if blocked else "DELETE"
        commit([update(PEERS, _SETTINGS, f"{verb} blockedOrigins :origin", origin={origin})], audited=True)

    def list_public_keys(self) -> list[PeerKey]:
        """List the present key and the one before it; empty if this deployment can't sign.

        One store call; three more to create the first key.
        """
        row = get(PEERS, _KEY)
        if row is None:
            try:
                return [self.find_key().public]
            except ValueError:
                return []
        prior = [PeerKey(row["priorKeyId"], row["priorPublicKey"])] if "priorKeyId" in row else []
        return [PeerKey(row["keyId"], row["publicKey"]), *prior]

    def rotate_key(self) -> SigningKey | None:
        """Replace the signing key; the one before it stays published. None if another call replaced it meanwhile.

        Two store calls.

        Raises:
            ValueError: it was sealed with another deployment's key, or none is set.
        """
        seen = self.find_key()
        made = SigningKey.new(str(uuid.uuid4()))
        row = _KEY | {
            "keyId": made.key_id,
            "publicKey": made.public_key,
            "privateKey": seal(made.private_key, place=_PLACE),
            "priorKeyId": seen.key_id,
            "priorPublicKey": seen.public_key,
        }
        return made if try_commit([put(PEERS, row, "keyId = :seen", seen=seen.key_id)]) else None

    def find_key(self) -> SigningKey:
        """Return the signing key of this desk. One store call; two more to create the first.

        Raises:
            ValueError: it was sealed with another deployment's key, or none is set.
        """
        row = get(PEERS, _KEY)
        if row is None:
            made = SigningKey.new(str(uuid.uuid4()))
            sealed = seal(made.private_key, place=_PLACE)
            new = _KEY | {"keyId": made.key_id, "publicKey": made.public_key, "privateKey": sealed}
            return made if try_commit([put_new(PEERS, new)]) else self.find_key()
        return SigningKey(row["keyId"], row["publicKey"], unseal(row["privateKey"], place=_PLACE))


def block_suspended_action(origin: str) -> Action:
    """Return the action that blocks an origin whose instance was suspended, and is removed."""
    return update(PEERS, _SETTINGS, "DELETE suspendedOrigins :origin ADD blockedOrigins :origin", origin={origin})


def suspend_origin_action(origin: str, *, suspended: bool) -> Action:
    """Return the action that suspends everything between this desk and that one, or resumes it."""
    # One row holds them all, so admission reads them with the settings. Operators suspend dozens, not thousands.
    verb = "ADD" if suspended else "DELETE"
    # Whoever approves an instance must not undo a block.
    condition, more = ("", {}) if suspended else ("NOT contains(blockedOrigins, :one)", {"one": origin})
    return update(PEERS, _SETTINGS, f"{verb} suspendedOrigins :origin", condition, origin={origin}, **more)
