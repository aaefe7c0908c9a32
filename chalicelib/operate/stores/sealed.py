"""Everything that is sealed with the deployment's key (see vault), wherever it is stored: to seal it with another."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib.aws import dynamodb
from chalicelib.core.stores.actions import update
from chalicelib.core.stores.items import Row, from_item
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import DIRECTORY, NETWORK, PEERS, Table
from chalicelib.settings import secret_keys
from chalicelib.vault import reseal


@dataclass
class Resealing:
    """How many secrets there are, how many were sealed anew, and the places of those that no key opens."""

    secrets: int = 0
    anew: int = 0
    unreadable: list[str] = field(default_factory=list)


def reseal_secrets() -> Resealing:
    """Seal with the first of the deployment's keys what was sealed with another.

    What is changed meanwhile is left as it is: by then it is sealed with the first key. May be run again at any time.
    One store call per megabyte, and one for each secret that is sealed anew.

    Raises:
        ValueError: no key is set.
    """
    secret_keys()
    done = Resealing()
    for table in (DIRECTORY, NETWORK, PEERS):
        for row in _rows(table):
            for column, place in places(table, row).items():
                if column in row:
                    _reseal(table, row, column, place, done)
    return done


def _reseal(table: Table, row: Row, column: str, place: str, done: Resealing) -> None:
    done.secrets += 1
    try:
        anew = reseal(row[column], place=place)
    except ValueError:
        done.unreadable.append(place)
        return
    if anew is not None and _replace(table, row, column, anew):
        done.anew += 1


def places(table: Table, row: Row) -> dict[str, str]:
    """The columns of a row that are sealed, and for which place."""
    pk, sk = row["pk"], row.get("sk", "")
    match table.physical_name, pk.partition("#")[0], sk.partition("#")[0]:
        case DIRECTORY.physical_name, "INTEGRATOR", "WEBHOOK":
            return dict.fromkeys(("current", "prior"), f"{pk}/{sk}")
        case DIRECTORY.physical_name, "DESK", "VAPID":
            return {"privateKey": f"{pk}/{sk}"}
        case NETWORK.physical_name, "INSTANCES" | "HUBS", _:
            return {"sealedKey": f"{pk}/{sk}"}
        case NETWORK.physical_name, "MEMBERSHIPS", _:
            return {"sealedKey": f"{pk}/{sk}/KEY", "sealedToken": f"{pk}/{sk}/TOKEN"}
        case PEERS.physical_name, "FEDERATION", "KEY":
            return {"privateKey": f"{pk}/{sk}"}
        case PEERS.physical_name, "TOKEN", "CONNECTION":
            return {"token": f"{sk}/TOKEN"}
    return {}


def _rows(table: Table) -> Iterator[Row]:
    for page in dynamodb().get_paginator("scan").paginate(TableName=table.physical_name, ConsistentRead=True):
        yield from (from_item(dict(item)) for item in page["Items"])


def _replace(table: Table, row: Row, column: str, sealed: str) -> bool:
    key, names = {"pk": row["pk"], "sk": row["sk"]}, {"column": column}
    return try_commit(
        [update(table, key, "SET #column = :anew", "#column = :was", names, anew=sealed, was=row[column])]
    )
