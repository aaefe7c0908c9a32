"""The desk's key pair for Web Push, in the table `directory`: DESK / VAPID.

privateKey: sealed (see vault); publicKey; contact
"""

from chalicelib.aws import dynamodb
from chalicelib.core.domain.errors import Conflict
from chalicelib.core.ports import Action
from chalicelib.core.stores.items import from_item, to_item
from chalicelib.core.stores.writes import Refused, commit
from chalicelib.live.domain.push import PushKeys
from chalicelib.live.stores.push import DESK_KEYS
from chalicelib.resources import DIRECTORY
from chalicelib.vault import seal, unseal

_PLACE = "DESK/VAPID"


class DynamoPushKeys:
    def find(self) -> PushKeys | None:
        """The desk's keys. One store call.

        Raises:
            ValueError: the key that sealed them is not this deployment's, or none is set.
        """
        got = dynamodb().get_item(TableName=DIRECTORY.physical_name, Key=to_item(DESK_KEYS), ConsistentRead=True)
        if "Item" not in got:
            return None
        row = from_item(dict(got["Item"]))
        return PushKeys(unseal(row["privateKey"], place=_PLACE), row["publicKey"], row["contact"])

    def save(self, keys: PushKeys, *, replace: bool) -> None:
        """Store the desk's keys. One store call.

        Raises:
            Conflict: it has some, and they are not to be replaced.
            ValueError: no key is set to seal them with.
        """
        sealed = {"privateKey": seal(keys.private_pem, place=_PLACE)}
        row = DESK_KEYS | sealed | {"publicKey": keys.public_key, "contact": keys.contact}
        put = {"TableName": DIRECTORY.physical_name, "Item": to_item(row)}
        action: Action = {"Put": put if replace else put | {"ConditionExpression": "attribute_not_exists(pk)"}}
        try:
            commit([action], claim=None, reply={})
        except Refused as refused:
            raise Conflict("The desk has keys already. Browsers that subscribed with them would be lost.") from refused
