"""What a deployment reads beside its templates: the bucket with code and templates, and the secret key."""

from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.vault import new_key
from infra.template.stacks import digest


@dataclass(frozen=True)
class Artefacts:
    """The bucket and the secret of one stack, in the account and region of the session."""

    session: Any
    stack: str

    def bucket(self) -> str:
        """Return the bucket for code, and create it if it is missing. Buckets of other accounts are refused."""
        s3, account = self.session.client("s3"), self.session.client("sts").get_caller_identity()["Account"]
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

    def upload(self, content: bytes, suffix: str, bucket: str) -> str:
        """Upload a file under a key made from its contents, and return the key."""
        key = f"{self.stack}/{digest(content)}{suffix}"
        self.session.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
        return key

    def url(self, bucket: str, key: str) -> str:
        """Return the address at which CloudFormation reads a template."""
        meta = self.session.client("s3").meta
        suffix = "amazonaws.com.cn" if meta.partition == "aws-cn" else "amazonaws.com"
        return f"https://{bucket}.s3.{meta.region_name}.{suffix}/{key}"

    def secret(self) -> str:
        """Return the ARN of the secret key, and create it if it is missing.

        It is in no stack, so that it outlives them all like the tables that it opens.
        """
        client, name = self.session.client("secretsmanager"), f"{self.stack}/secret-key"
        try:
            found = client.describe_secret(SecretId=name)
        except client.exceptions.ResourceNotFoundException:
            found = client.create_secret(Name=name, SecretString=new_key())
        arn: str = found["ARN"]
        return arn
