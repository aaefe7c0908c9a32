"""What was deployed and when, in the bucket with the code: there a rollback finds the deployment before the last."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra.template.stacks import DATA, Template, digest, dump

# What was deployed once: the root's template, and the value of every parameter.
Deployed = dict[str, Any]
# Parameters that say how something is deployed, not what.
_OF_NO_RELEASE = {"Release", "AtOnce"}


@dataclass(frozen=True)
class History:
    """The successful deployments of a stack, oldest first."""

    s3: Any
    bucket: str
    stack: str

    def last_two(self) -> tuple[Deployed, Deployed] | None:
        """Return the deployment before the last one, and the last one; None if there were less."""
        match self._keys():
            case [*_, before, last]:
                return self._read(before), self._read(last)
        return None

    def record(self, deployed: Deployed) -> None:
        """Add a deployment, unless the last one was of the same release."""
        keys, release = self._keys(), deployed["parameters"]["Release"]
        if not keys or self._read(keys[-1])["parameters"]["Release"] != release:
            self._write(f"{self.stack}/history/{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.json", deployed)

    def record_return(self, deployed: Deployed) -> None:
        """Forget the last deployment: the one before it is there again, as `deployed` has it."""
        *_, before, last = self._keys()
        self._write(before, deployed)
        self.s3.delete_object(Bucket=self.bucket, Key=last)

    def _keys(self) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=f"{self.stack}/history/")
        return sorted(each["Key"] for page in pages for each in page.get("Contents", []))

    def _read(self, key: str) -> Deployed:
        found: Deployed = json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        return found

    def _write(self, key: str, deployed: Deployed) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(deployed, sort_keys=True).encode())


def back_to(before: Deployed, last: Deployed) -> tuple[Template, dict[str, str]]:
    """Return the template and the parameters that bring `before` back, with the data of `last`.

    A table or an index that came with the last deployment stays: it may hold data, and earlier code doesn't mind it.
    """
    data = last["root"]["Resources"][DATA]
    needed = {name: last["root"]["Parameters"][name] for name in data["Properties"]["Parameters"]}
    root = before["root"] | {
        "Parameters": before["root"]["Parameters"] | needed,
        "Resources": before["root"]["Resources"] | {DATA: data},
    }
    kept = {name: last["parameters"][name] for name in needed}
    return root, before["parameters"] | kept | {"AtOnce": "yes"}


def release_of(root: Template, parameters: dict[str, str | None]) -> str:
    """Return the name of a release: it is another one exactly if a template, the code or a parameter is."""
    values = {name: value for name, value in parameters.items() if name not in _OF_NO_RELEASE}
    return digest(json.dumps([digest(dump(root)), values], sort_keys=True).encode())[:16]
