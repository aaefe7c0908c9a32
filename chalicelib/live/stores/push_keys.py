"""The desk's key pair for Web Push, in the table `directory`: DESK / VAPID.

privateKey: sealed (see vault); publicKey; contact
"""

from chalicelib.core.domain.errors import Conflict
from chalicelib.core.stores.actions import put, put_new
from chalicelib.core.stores.reads import get
from chalicelib.core.stores.writes import try_commit
from chalicelib.live.domain.push import PushKeys
from chalicelib.live.stores.push import DESK_KEYS
from chalicelib.resources import DIRECTORY
from chalicelib.vault import seal, unseal

_PLACE = "DESK/VAPID"


class DynamoPushKeys:
    def find(self) -> PushKeys | None:
        """Find the desk's keys. One store call.

        Raises:
            ValueError: they were sealed with another deployment's key, or none is set.
        """
        row = get(DIRECTORY, DESK_KEYS)
        if row is None:
            return None
        return PushKeys(unseal(row["privateKey"], place=_PLACE), row["publicKey"], row["contact"])

    def save(self, keys: PushKeys, *, replace: bool) -> None:
        """Store the desk's keys. One store call.

        Raises:
            Conflict: the desk has keys, and `replace` is not set.
            ValueError: no key is set to seal them with.
        """
        sealed = {"privateKey": seal(keys.private_pem, place=_PLACE)}
        row = DESK_KEYS | sealed | {"publicKey": keys.public_key, "contact": keys.contact}
        if not try_commit([put(DIRECTORY, row) if replace else put_new(DIRECTORY, row)]):
            raise Conflict("The desk has keys already. Browsers that subscribed with them would be lost.")
