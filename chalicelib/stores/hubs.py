"""Hubs that this desk is a member of, in the table `network`: HUBS / <this desk's instance id at the hub>.

sealedKey: the key this desk registered with there (see vault)
"""

from chalicelib.aws import dynamodb
from chalicelib.resources import NETWORK
from chalicelib.stores.items import Row, from_item, to_item


class DynamoHubs:
    def find_key(self, instance_id: str) -> str | None:
        """The key with which this desk registered at the hub that knows it by this id. One store call.

        Raises:
            ValueError: it was sealed with another deployment's key.
        """
        key = to_item(hub_key(instance_id))
        got = dynamodb().get_item(TableName=NETWORK.physical_name, Key=key, ConsistentRead=True)
        if "Item" not in got:
            return None
        # Imported here: only an answer to one's own hub needs it.
        from chalicelib.vault import unseal

        return unseal(from_item(dict(got["Item"]))["sealedKey"], place=place_of(instance_id))


def hub_key(instance_id: str) -> Row:
    return {"pk": "HUBS", "sk": instance_id}


def place_of(instance_id: str) -> str:
    """What the key of this row is sealed for."""
    return f"HUBS/{instance_id}"
