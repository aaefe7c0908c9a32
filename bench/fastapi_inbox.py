"""Reading the inbox on FastAPI behind Mangum: the same models, use cases and stores as the operations' own."""

from fastapi import FastAPI, Request
from mangum import Mangum

from bench.inbox_job import first_page, read
from chalicelib.domain.inbox import InboxDelivery, InboxPage, InboxQuery

app = FastAPI()


@app.get("/api/v1/inbox", response_model=InboxPage, response_model_exclude_unset=True)
async def list_inbox(request: Request) -> InboxPage:
    """List the key's owner's deliveries."""
    return first_page(InboxQuery.model_validate_strings(dict(request.query_params)), request.headers["authorization"])


@app.get("/api/v1/inbox/{delivery_id}", response_model=InboxDelivery, response_model_exclude_unset=True)
async def get_inbox_delivery(delivery_id: str, request: Request) -> InboxDelivery:
    """Read one of them."""
    return read(delivery_id, request.headers["authorization"])


handler = Mangum(app, lifespan="off")
