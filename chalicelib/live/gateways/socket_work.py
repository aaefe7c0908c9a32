"""The queue `socket-work`: connections that are to be told what they have missed."""

from chalicelib.aws import queue_url, sqs
from chalicelib.live.domain.connections import CatchUpJob
from chalicelib.resources import SOCKET_WORK


class SqsSocketWork:
    def send(self, job: CatchUpJob) -> None:
        """Have the connection caught up. One queue call."""
        sqs().send_message(QueueUrl=queue_url(SOCKET_WORK.physical_name), MessageBody=job.model_dump_json())
