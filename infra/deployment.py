"""The stack of one stage, with all that it nests: its state, its change sets, and their execution."""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from secrets import token_hex
from typing import Any

import boto3
import click
from botocore.exceptions import ClientError, WaiterError

from infra.account import concurrency_parameters
from infra.artefacts import Artefacts
from infra.built_package import Package
from infra.deployment_history import Deployed, History, back_to, release_of
from infra.stack_changes import list_additions, list_changes, list_failures, list_refusals
from infra.template.release_alarms import RELEASE_ALARMS
from infra.template.stacks import DATA, Template, Templates, dump

_MAPPING = "AWS::Lambda::EventSourceMapping"
_CAPABILITIES = ["CAPABILITY_IAM"]
_WAITER_CONFIG = {"Delay": 5, "MaxAttempts": 1440}
# CloudFormation looks at the alarms of a release while it updates, and so long after the last change.
_WATCHED_MINUTES = 5
# CloudFormation keeps what it watched at the update before, unless it is told otherwise.
_UNWATCHED: dict[str, Any] = {"RollbackTriggers": [], "MonitoringTimeInMinutes": 0}
# A stack of which only a change set was made. It is created like one that is not there.
_NEW = "REVIEW_IN_PROGRESS"
# A stack whose creation failed: it holds nothing and can't be updated.
_FAILED_FIRST = "ROLLBACK_COMPLETE"
_UPDATABLE = {
    "CREATE_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
}
_DELETE = "Delete it, then deploy again: aws cloudformation delete-stack --stack-name {stack}"
_STUCK = {
    _FAILED_FIRST: "Its first deployment failed. Deploy again: that deletes what is left of it first.",
    "UPDATE_ROLLBACK_FAILED": "An update failed, and so did its rollback. Fix what the stack's events name, run "
    "aws cloudformation continue-update-rollback --stack-name {stack}, then deploy again.",
    "CREATE_FAILED": _DELETE,
    "ROLLBACK_FAILED": _DELETE,
    "DELETE_FAILED": _DELETE,
}


@dataclass(frozen=True)
class Deployment:
    """The deployment of one stage: its root stack and what that nests."""

    stage: str

    @property
    def stack(self) -> str:
        return f"fluxden-{self.stage}"

    @cached_property
    def _session(self) -> Any:
        return boto3.Session()

    @cached_property
    def history(self) -> History:
        return History(self.client("s3"), self.artefacts.bucket(), self.stack)

    @cached_property
    def artefacts(self) -> Artefacts:
        return Artefacts(self._session, self.stack)

    def client(self, service: str) -> Any:
        return self._session.client(service)

    def deployed(self) -> dict[str, Any] | None:
        """Return the stack; None if it does not exist or has no resources yet."""
        try:
            found: dict[str, Any] = self.client("cloudformation").describe_stacks(StackName=self.stack)["Stacks"][0]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":
                return None
            raise
        return None if found["StackStatus"] == _NEW else found

    def delete_failed_first(self) -> bool:
        """Delete the stack if its first deployment failed, and say whether it did. Such a stack never held data."""
        stack = self.deployed()
        if stack is None or stack["StackStatus"] != _FAILED_FIRST:
            return False
        client = self.client("cloudformation")
        client.delete_stack(StackName=self.stack)
        try:
            # By its id, because a deleted stack is not found by name.
            client.get_waiter("stack_delete_complete").wait(StackName=stack["StackId"], WaiterConfig=_WAITER_CONFIG)
        except WaiterError:
            raise click.ClickException(
                f"Stack {self.stack}, whose first deployment failed, could not be deleted. See its events."
            ) from None
        return True

    def updatable(self) -> dict[str, Any] | None:
        """Return the stack if it can be updated; None if it is to be created.

        Raises:
            click.ClickException: the stack is in a state from which neither is possible.
        """
        stack = self.deployed()
        if stack is None or stack["StackStatus"] in _UPDATABLE:
            return stack
        status = stack["StackStatus"]
        busy = "It is being changed. Try again when that is done."
        other = busy if status.endswith("_IN_PROGRESS") else "It can't be updated. See its events."
        raise click.ClickException(
            f"Stack {self.stack} is in the state {status}. {_STUCK.get(status, other).format(stack=self.stack)}"
        )

    def outputs(self) -> dict[str, str]:
        stack = self.deployed()
        if stack is None:
            raise click.ClickException(f"Stack {self.stack} not found. Deploy it first: make deploy STAGE={self.stage}")
        return _outputs(stack)

    def create(self, package: Package, given: dict[str, str]) -> None:
        """Create the stack with its data only; the rest follows as an update.

        CloudFormation removes the tables of a creation that fails only if it is their own stack's. And if a function
        can't be created, the data stays, and the update is repeated.
        """
        # Protected tables could not be removed again.
        parameters = self._parameters(package, {"ProtectTables": "no", **given}, self.updatable())
        if (change_set := self._change_set(package.templates.only(DATA), parameters, watched=False)) is not None:
            self.execute(change_set)

    def change_set(self, package: Package, given: dict[str, str]) -> dict[str, str] | None:
        """Upload code and templates, and create a change set; None if nothing would change."""
        parameters = self._parameters(package, given, self.updatable())
        return self._change_set(package.templates.root, parameters, watched=parameters["AtOnce"] == "no")

    def change_set_back(self) -> dict[str, str] | None:
        """Create a change set to the deployment before the last one; None if nothing would change.

        Data stays as it is: its stack is the present one.
        """
        if self.updatable() is None or (deployments := self.history.last_two()) is None:
            raise click.ClickException(f"Stack {self.stack} has no earlier deployment to go back to.")
        root, parameters = back_to(*deployments)
        return self._change_set(root, parameters, watched=False)

    def _change_set(self, root: Template, parameters: dict[str, str], *, watched: bool) -> dict[str, str] | None:
        client, stack = self.client("cloudformation"), self.updatable()
        kept, bucket = _kept(stack), parameters["CodeBucket"]
        values = {key: parameters.get(key, kept.get(key)) for key in root["Parameters"]}
        parameters = parameters | {"Release": release_of(root, values)}
        name = f"deploy-{datetime.now(UTC):%Y%m%dT%H%M%S}-{token_hex(4)}"
        client.create_change_set(
            StackName=self.stack,
            ChangeSetName=name,
            ChangeSetType="UPDATE" if stack else "CREATE",
            TemplateURL=self.artefacts.url(bucket, self.artefacts.upload(dump(root), ".json", bucket)),
            # Parameters that are not passed keep their values.
            Parameters=[
                {"ParameterKey": key, "ParameterValue": parameters[key]}
                if key in parameters
                else {"ParameterKey": key, "UsePreviousValue": True}
                for key in root["Parameters"]
                if key in parameters or key in kept
            ],
            Capabilities=_CAPABILITIES,
            IncludeNestedStacks=_is_whole(stack),
            RollbackConfiguration=self._watch(stack, parameters) if watched and _is_whole(stack) else _UNWATCHED,
        )
        about = {"StackName": self.stack, "ChangeSetName": name}
        with suppress(WaiterError):
            client.get_waiter("change_set_create_complete").wait(**about, WaiterConfig=_WAITER_CONFIG)
            return about
        reasons = list_refusals(client, about)
        self.discard(about)
        if reasons:
            raise click.ClickException("\n".join(reasons))
        return None

    def _watch(self, stack: dict[str, Any] | None, parameters: dict[str, str]) -> dict[str, Any]:
        """Return which alarms make CloudFormation undo the update, until some minutes after its last change."""
        assert stack is not None
        _, partition, _, region, account, _ = stack["StackId"].split(":", 5)
        prefix = parameters.get("Prefix", _kept(stack)["Prefix"])
        arns = [f"arn:{partition}:cloudwatch:{region}:{account}:alarm:{prefix}-{name}" for name in RELEASE_ALARMS]
        triggers = [{"Arn": arn, "Type": "AWS::CloudWatch::Alarm"} for arn in arns]
        return {"RollbackTriggers": triggers, "MonitoringTimeInMinutes": _WATCHED_MINUTES}

    def record(self) -> None:
        """Record what is deployed now, so that a rollback finds it."""
        self.history.record(self._present())

    def record_return(self) -> None:
        """Record that the deployment before the last one is there again."""
        self.history.record_return(self._present())

    def _present(self) -> Deployed:
        root = self.client("cloudformation").get_template(StackName=self.stack)["TemplateBody"]
        # boto3 parses templates in JSON.
        return {"root": root if isinstance(root, dict) else json.loads(root), "parameters": _kept(self.deployed())}

    def changes(self, change_set: dict[str, str], first: Templates | None = None) -> Iterator[str]:
        """Return a line for each resource that changes. `first` is what is deployed if nothing was before."""
        if first is not None and not _is_whole(self.deployed()):
            return list_additions(first)
        return list_changes(self.client("cloudformation"), change_set)

    def _parameters(self, package: Package, given: dict[str, str], stack: dict[str, Any] | None) -> dict[str, str]:
        """Upload what the parameters point to, and return those that don't keep their values."""
        kept = _kept(stack)
        prefix = kept.get("Prefix")
        if prefix is not None and given.get("Prefix", prefix) != prefix:
            raise click.ClickException(
                f"Prefix of {self.stack} is {prefix} and can't change: it names the tables, so the desk would start "
                "again with empty ones. Deploy a new stage with that prefix instead (docs/operations.md)."
            )
        package.check_start(kept | given)
        bucket = self.artefacts.bucket()
        for template in package.templates.nested.values():
            self.artefacts.upload(dump(template), ".json", bucket)
        zips = {"CodeKey": package.code, "LayerKey": package.layer}
        keys = {name: self.artefacts.upload(path.read_bytes(), ".zip", bucket) for name, path in zips.items()}
        values = {"CodeBucket": bucket, **keys, "ProtectTables": "yes", "AtOnce": "no", **given}
        if "Prefix" not in kept:
            values.setdefault("Prefix", self.stack)
        mappings = sum(each["Type"] == _MAPPING for each in package.templates.list_resources().values())
        values |= concurrency_parameters(self.client("lambda"), mappings, given=given, kept=kept)
        if "SecretKeyId" not in kept and "SecretKeyId" not in given:
            values["SecretKeyId"] = self.artefacts.secret()
        return values

    def discard(self, change_set: dict[str, str]) -> None:
        """Delete the change set, and each stack that exists only as part of it."""
        client = self.client("cloudformation")
        root = client.describe_change_set(**change_set)["StackId"]
        client.delete_change_set(**change_set)
        pages = client.get_paginator("describe_stacks").paginate()
        for each in [stack for page in pages for stack in page["Stacks"]]:
            if each["StackStatus"] == _NEW and root in (each["StackId"], each.get("RootId")):
                client.delete_stack(StackName=each["StackId"])

    def execute(self, change_set: dict[str, str]) -> None:
        """Execute the change set, and wait until it is done."""
        client = self.client("cloudformation")
        kind = "stack_update_complete" if self.deployed() else "stack_create_complete"
        started = datetime.now(UTC)
        client.execute_change_set(**change_set)
        try:
            client.get_waiter(kind).wait(StackName=self.stack, WaiterConfig=_WAITER_CONFIG)
        except WaiterError:
            failed = client.describe_stacks(StackName=self.stack)["Stacks"][0]
            lines = list_failures(client, failed["StackId"], started) or [f"  {failed.get('StackStatusReason', '')}"]
            raise click.ClickException("\n".join(["The deployment failed and was rolled back:", *lines])) from None

    def protect(self) -> None:
        """Make CloudFormation refuse to delete the stack, until somebody allows it."""
        self.client("cloudformation").update_termination_protection(
            StackName=self.stack, EnableTerminationProtection=True
        )


def _is_whole(stack: dict[str, Any] | None) -> bool:
    """Tell if the stack was deployed completely once: then it has the outputs of its APIs."""
    return "Endpoint" in _outputs(stack)


def _kept(stack: dict[str, Any] | None) -> dict[str, str]:
    return {each["ParameterKey"]: each["ParameterValue"] for each in (stack or {}).get("Parameters", [])}


def _outputs(stack: dict[str, Any] | None) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in (stack or {}).get("Outputs", [])}
