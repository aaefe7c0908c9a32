"""Rotation of the deployment's secret key (see vault): seals every stored secret with the new key."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from chalicelib import secret_keys
from chalicelib.aws import dynamodb
from chalicelib.core.stores.actions import update
from chalicelib.core.stores.items import Row, from_item
from chalicelib.core.stores.writes import try_commit
from chalicelib.resources import DIRECTORY, NETWORK, PEERS, TOKENS, Table
from chalicelib.vault import reseal, seal


@dataclass
class Resealing:
    """The number of secrets, the number sealed again, and the places of those that no key opens."""

    secrets: int = 0
    anew: int = 0
    unreadable: list[str] = field(default_factory=list)


def reseal_secrets() -> Resealing:
    """Seal every secret with the deployment's first key that is sealed with another one, or in clear.

    A secret that changes meanwhile is skipped, since it was sealed with the first key then. May be repeated at any
    time. One store call per megabyte, and one for each secret that is sealed again.

    Raises:
        ValueError: no key is set.
    """
    secret_keys.read_secret_keys()
    done = Resealing()
    for table in (DIRECTORY, NETWORK, PEERS, TOKENS):
        for row in _rows(table):
            for column, place in places(table, row).items():
                if column in row:
                    _reseal(table, row, column, place, done)
            _seal_clear(table, row, done)
    return done


def _seal_clear(table: Table, row: Row, done: Resealing) -> None:
    """Seal the secret of a browser that an earlier release stored in clear."""
    if table.physical_name != DIRECTORY.physical_name or "authSecret" not in row:
        return
    done.secrets += 1
    sealed = seal(row["authSecret"], place=f"{row['pk']}/{row['sk']}")
    key = {"pk": row["pk"], "sk": row["sk"]}
    change = "SET sealedAuth = :sealed REMOVE authSecret"
    if try_commit(
        [update(table, key, change, "authSecret = :was", sealed=sealed, was=row["authSecret"])], tokened=True
    ):
        done.anew += 1


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
    """Map the sealed columns of a row to the places that they are sealed for."""
    pk, sk = row["pk"], row.get("sk", "")
    match table.physical_name, pk.partition("#")[0], sk.partition("#")[0]:
        case DIRECTORY.physical_name, "INTEGRATOR", "WEBHOOK":
            return dict.fromkeys(("current", "prior"), f"{pk}/{sk}")
        case DIRECTORY.physical_name, "USER", "PUSH" | "REACH":
            return dict.fromkeys(("sealedAuth", "sealedTarget", "sealedSecret"), f"{pk}/{sk}")
        case DIRECTORY.physical_name, "PROVIDERS", _:
            return {"clientSecret": f"{pk}/{sk}"}
        case DIRECTORY.physical_name, "DESK", _:
            return dict.fromkeys(("privateKey", "password"), f"{pk}/{sk}")
        case NETWORK.physical_name, "INSTANCES" | "HUBS", _:
            return {"sealedKey": f"{pk}/{sk}"}
        case NETWORK.physical_name, "MEMBERSHIPS", _:
            return {"sealedKey": f"{pk}/{sk}/KEY", "sealedToken": f"{pk}/{sk}/TOKEN"}
        case PEERS.physical_name, "FEDERATION", "KEY":
            return {"privateKey": f"{pk}/{sk}"}
        case PEERS.physical_name, "TOKEN", "CONNECTION":
            return {"token": f"{sk}/TOKEN"}
        case TOKENS.physical_name, "INGEST", _:
            return {"signingSecret": f"ingest/{row['tokenId']}"}
    return {}


def _rows(table: Table) -> Iterator[Row]:
    for page in dynamodb().get_paginator("scan").paginate(TableName=table.physical_name, ConsistentRead=True):
        yield from (from_item(dict(item)) for item in page["Items"])


def _replace(table: Table, row: Row, column: str, sealed: str) -> bool:
    key = {name: value for name, value in row.items() if name in ("pk", "sk")}
    names = {"column": column}
    change = update(table, key, "SET #column = :anew", "#column = :was", names, anew=sealed, was=row[column])
    return try_commit([change], tokened=True)
