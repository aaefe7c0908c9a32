"""Deploy the output of `make package` to an AWS account: `python -m infra.deploy --help`."""

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError, WaiterError

from chalicelib.vault import new_key
from infra.package import CODE, TEMPLATE

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
_WAITER_CONFIG = {"Delay": 5, "MaxAttempts": 720}
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
_NO_CHANGES = ("didn't contain changes", "No updates are to be performed")


@dataclass(frozen=True)
class Deployment:
    """The deployment of one stage: its stack, the bucket of its code and its secret."""

    stage: str

    @property
    def stack(self) -> str:
        return f"fluxden-{self.stage}"

    @cached_property
    def _session(self) -> Any:
        return boto3.Session()

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
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}

    def bucket(self) -> str:
        """Return the bucket for code, and create it if it is missing. Buckets of other accounts are refused."""
        s3, account = self.client("s3"), self.client("sts").get_caller_identity()["Account"]
        region = s3.meta.region_name
        name = f"fluxden-code-{account}-{region}"
        try:
            s3.head_bucket(Bucket=name, ExpectedBucketOwner=account)
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("404", "NoSuchBucket"):
                raise
            # us-east-1 must not be named.
            where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            s3.create_bucket(Bucket=name, **where)
            closed = dict.fromkeys(
                ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
            )
            s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=closed)
        return name

    def upload(self, path: Path, bucket: str) -> str:
        """Upload the file under a key made from its contents, and return the key."""
        content = path.read_bytes()
        key = f"{self.stack}/{hashlib.sha256(content).hexdigest()}{path.suffix}"
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        return key

    def secret(self) -> str:
        """Return the ARN of the secret key, and create it if it is missing."""
        client, name = self.client("secretsmanager"), f"{self.stack}/secret-key"
        try:
            found = client.describe_secret(SecretId=name)
        except client.exceptions.ResourceNotFoundException:
            found = client.create_secret(Name=name, SecretString=new_key())
        arn: str = found["ARN"]
        return arn

    def change_set(self, template: Path, given: dict[str, str]) -> dict[str, Any] | None:
        """Upload code and template, and create a change set; None if nothing would change."""
        client, stack = self.client("cloudformation"), self.updatable()
        declared = json.loads(template.read_text(encoding="utf-8"))["Parameters"]
        if unknown := given.keys() - declared.keys():
            raise click.ClickException(
                f"Unknown parameter {', '.join(sorted(unknown))}. See docs/reference/settings.md"
            )
        kept = {each["ParameterKey"]: each["ParameterValue"] for each in (stack or {}).get("Parameters", [])}
        prefix = kept.get("Prefix")
        if prefix is not None and given.get("Prefix", prefix) != prefix:
            raise click.ClickException(
                f"Prefix of {self.stack} is {prefix} and can't change: it names the tables, so the desk would start "
                "again with empty ones. Deploy a new stage with that prefix instead (docs/operations.md)."
            )
        bucket = self.bucket()
        values = {"CodeBucket": bucket, "CodeKey": self.upload(CODE, bucket), **given}
        if "Prefix" not in kept:
            values.setdefault("Prefix", self.stack)
        if "SecretKeyId" not in kept and "SecretKeyId" not in given:
            values["SecretKeyId"] = self.secret()
        name = f"deploy-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        client.create_change_set(
            StackName=self.stack,
            ChangeSetName=name,
            ChangeSetType="UPDATE" if stack else "CREATE",
            TemplateURL=self._url(bucket, self.upload(template, bucket)),
            # Parameters that are not passed keep their values.
            Parameters=[
                {"ParameterKey": key, "ParameterValue": values[key]}
                if key in values
                else {"ParameterKey": key, "UsePreviousValue": True}
                for key in declared
                if key in values or key in kept
            ],
            Capabilities=_CAPABILITIES,
        )
        about = {"StackName": self.stack, "ChangeSetName": name}
        try:
            client.get_waiter("change_set_create_complete").wait(**about, WaiterConfig=_WAITER_CONFIG)
        except WaiterError:
            reason = client.describe_change_set(**about).get("StatusReason", "")
            self.discard(about)
            if any(each in reason for each in _NO_CHANGES):
                return None
            raise click.ClickException(reason) from None
        return about

    def changes(self, change_set: dict[str, Any]) -> Iterator[str]:
        """Return a line for each resource that changes."""
        client, token = self.client("cloudformation"), dict[str, str]()
        while True:
            page = client.describe_change_set(**change_set, **token)
            for each in page["Changes"]:
                change = each["ResourceChange"]
                replaced = " (replaced)" if change.get("Replacement") == "True" else ""
                yield f"{change['Action']:<8}{change['ResourceType']:<36}{change['LogicalResourceId']}{replaced}"
            if "NextToken" not in page:
                return
            token = {"NextToken": page["NextToken"]}

    def discard(self, change_set: dict[str, Any]) -> None:
        """Delete the change set, and also the stack if it was never deployed."""
        client = self.client("cloudformation")
        client.delete_change_set(**change_set)
        if self.deployed() is None:
            client.delete_stack(StackName=self.stack)

    def execute(self, change_set: dict[str, Any]) -> None:
        """Execute the change set, and wait until it is done."""
        client = self.client("cloudformation")
        kind = "stack_update_complete" if self.deployed() else "stack_create_complete"
        started = datetime.now(UTC)
        client.execute_change_set(**change_set)
        try:
            client.get_waiter(kind).wait(StackName=self.stack, WaiterConfig=_WAITER_CONFIG)
        except WaiterError:
            raise click.ClickException(
                "\n".join(["The deployment failed and was rolled back:", *self._failures(started)])
            ) from None

    def _failures(self, started: datetime) -> Iterator[str]:
        events = self.client("cloudformation").describe_stack_events(StackName=self.stack)["StackEvents"]
        for each in events:
            if each["ResourceStatus"].endswith("_FAILED") and each["Timestamp"] >= started:
                yield f"  {each['LogicalResourceId']}: {each.get('ResourceStatusReason', '')}"

    def _url(self, bucket: str, key: str) -> str:
        region = self.client("s3").meta.region_name
        return f"https://{bucket}.s3.{region}.amazonaws.com/{key}"


class _ErrorsInOneLine(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (BotoCoreError, ClientError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_ErrorsInOneLine)
def main() -> None:
    """Deploy Fluxden to the AWS account and region of the usual AWS settings."""


_stage = click.option("--stage", required=True, help="Stage. Its stack is fluxden-<stage>.")
_template = click.option(
    "--template",
    type=click.Path(path_type=Path),
    default=TEMPLATE,
    help="Template to deploy.  [default: the output of make package]",
)
_parameters = click.argument("parameters", nargs=-1)


@main.command()
@_stage
@_template
@_parameters
def up(stage: str, template: Path, parameters: tuple[str, ...]) -> None:
    """Deploy. Pass parameters as Name=value; the others keep their values."""
    desk, given = Deployment(stage), _parse_parameters(parameters)
    if desk.delete_failed_first():
        click.echo(f"Deleted stack {desk.stack}, whose first deployment failed.")
    if (change_set := desk.change_set(template, given)) is None:
        click.echo("No changes.")
    else:
        for line in desk.changes(change_set):
            click.echo(line)
        desk.execute(change_set)
    outputs = desk.outputs()
    for name in ("Endpoint", "WebSocket"):
        if name in outputs:
            click.echo(f"{name:<11}{outputs[name]}")
    click.echo(f"""
Set up the admin commands, and create the first employee:

  eval "$({_python()} -m infra.deploy environment --stage {stage})"
  {_python()} -m infra.admin employees create you@example.com --name 'Your Name' --org-admin""")


@main.command()
@_stage
@_template
@_parameters
def diff(stage: str, template: Path, parameters: tuple[str, ...]) -> None:
    """Show what a deployment would change, without changing anything."""
    desk = Deployment(stage)
    if (change_set := desk.change_set(template, _parse_parameters(parameters))) is None:
        click.echo("No changes.")
        return
    for line in desk.changes(change_set):
        click.echo(line)
    desk.discard(change_set)


@main.command()
@_stage
def environment(stage: str) -> None:
    """Print the environment for infra.admin as shell exports. The output contains the secret key."""
    desk = Deployment(stage)
    outputs = desk.outputs()
    secret = desk.client("secretsmanager").get_secret_value(SecretId=outputs["SecretKeyId"])
    click.echo(f"export FLUXDEN_PREFIX={outputs['Prefix']}")
    click.echo(f"export FLUXDEN_SECRET_KEY={secret['SecretString']}")
    for name, output in (("FLUXDEN_SOCKETS_URL", "SocketsUrl"), ("FLUXDEN_BASE_URL", "BaseUrl")):
        if output in outputs:
            click.echo(f"export {name}={outputs[output]}")


def _parse_parameters(parameters: tuple[str, ...]) -> dict[str, str]:
    split = [each.partition("=") for each in parameters]
    if wrong := [name for name, equals, _ in split if not equals]:
        raise click.UsageError(f"{wrong[0]} is not a parameter. Use Name=value.")
    return {name: value for name, _, value in split}


def _python() -> str:
    path = Path(sys.executable)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    main(prog_name="python -m infra.deploy")
