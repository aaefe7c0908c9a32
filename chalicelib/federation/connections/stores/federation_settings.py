"""What this desk lets other desks do, and the key it signs with, in the table `peers`.

FEDERATION / SETTINGS  mode, inbound, approval
FEDERATION / KEY       keyId, publicKey; privateKey: sealed (see vault). Made when it is first asked for
                       priorKeyId, priorPublicKey: of the key before it
"""

import uuid
from typing import Any

from chalicelib.aws import dynamodb
from chalicelib.core.stores.items import Row, from_item, to_item, values
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.federation.connections.domain.connections import PeerKey
from chalicelib.federation.connections.domain.federation_settings import FederationMode, FederationSettings
from chalicelib.federation.connections.signatures import SigningKey
from chalicelib.resources import PEERS
from chalicelib.vault import seal, unseal

_SETTINGS = {"pk": "FEDERATION", "sk": "SETTINGS"}
_KEY = {"pk": "FEDERATION", "sk": "KEY"}
_PLACE = "FEDERATION/KEY"


class DynamoFederation:
    def find_settings(self) -> FederationSettings:
        """What has been set, else what holds where nothing was: nobody gets in. One store call."""
        row = _find(_SETTINGS)
        if row is None:
            return FederationSettings()
        return FederationSettings(FederationMode(row["mode"]), row["inbound"], row["approval"])

    def save_settings(self, settings: FederationSettings) -> None:
        """Set everything at once. One store call."""
        row = _SETTINGS | {
            "mode": settings.mode.value,
            "inbound": settings.inbound,
            "approval": settings.approval,
        }
        commit([{"Put": {"TableName": PEERS.physical_name, "Item": to_item(row)}}], claim=None, reply={})

    def list_public_keys(self) -> list[PeerKey]:
        """The keys that this desk signs with and has signed with, the present one first; none where it can't sign.

        One store call; three more to make the first.
        """
        row = _find(_KEY)
        if row is None:
            try:
                return [self.find_key().public]
            except ValueError:
                return []
        prior = [PeerKey(row["priorKeyId"], row["priorPublicKey"])] if "priorKeyId" in row else []
        return [PeerKey(row["keyId"], row["publicKey"]), *prior]

    def rotate_key(self) -> SigningKey | None:
        """Sign with a new key from now on; the one before stays published. None when another call has done so.

        Two store calls.

        Raises:
            ValueError: the key that sealed it is not this deployment's, or none is set.
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
        put = {
            "TableName": PEERS.physical_name,
            "Item": to_item(row),
            "ConditionExpression": "keyId = :seen",
            "ExpressionAttributeValues": values(seen=seen.key_id),
        }
        try:
            commit([{"Put": put}], claim=None, reply={})
        except Refused:
            return None
        return made

    def find_key(self) -> SigningKey:
        """The key that this desk signs with. One store call; two more to make the first.

        Raises:
            ValueError: the key that sealed it is not this deployment's, or none is set.
        """
        row = _find(_KEY)
        if row is None:
            made = SigningKey.new(str(uuid.uuid4()))
            sealed = seal(made.private_key, place=_PLACE)
            new = _KEY | {"keyId": made.key_id, "publicKey": made.public_key, "privateKey": sealed}
            put = {"TableName": PEERS.physical_name, "Item": to_item(new)}
            try:
                commit([{"Put": put | {"ConditionExpression": "attribute_not_exists(pk)"}}], claim=None, reply={})
            except Refused:
                return self.find_key()
            return made
        return SigningKey(row["keyId"], row["publicKey"], unseal(row["privateKey"], place=_PLACE))


def _find(key: Row) -> dict[str, Any] | None:
    got = dynamodb().get_item(TableName=PEERS.physical_name, Key=to_item(key), ConsistentRead=True)
    return from_item(dict(got["Item"])) if "Item" in got else None
