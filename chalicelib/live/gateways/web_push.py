"""The queue `web-push`: people whose browsers are to be nudged."""

from chalicelib.aws import queue_url, sqs
from chalicelib.live.domain.push import NudgeJob
from chalicelib.resources import WEB_PUSH


class SqsWebPush:
    def send(self, job: NudgeJob) -> None:
        """Have the person's browsers nudged. One queue call."""
        sqs().send_message(QueueUrl=queue_url(WEB_PUSH.physical_name), MessageBody=job.model_dump_json(by_alias=True))
