"""Reading the inbox on FastAPI + Mangum, with the models, use cases and stores of our operations."""

from fastapi import Request, Response
from mangum import Mangum

from bench.fastapi_service import new_service, note_admission
from bench.inbox_job import list_deliveries, read_delivery
from chalicelib.inbox.domain.inbox import InboxDelivery, InboxPage, InboxQuery

app = new_service()


@app.get("/api/v1/inbox", response_model=InboxPage, response_model_exclude_unset=True)
async def list_inbox(request: Request, response: Response) -> InboxPage:
    """List the deliveries of the key's owner."""
    query = InboxQuery.model_validate_strings(dict(request.query_params))
    page, admission = list_deliveries(query, request.headers["authorization"], request.state.request_id)
    note_admission(request, response, admission)
    return page


@app.get("/api/v1/inbox/{delivery_id}", response_model=InboxDelivery, response_model_exclude_unset=True)
async def get_inbox_delivery(delivery_id: str, request: Request, response: Response) -> InboxDelivery:
    """Read a delivery."""
    delivery, admission = read_delivery(delivery_id, request.headers["authorization"], request.state.request_id)
    note_admission(request, response, admission)
    return delivery


handler = Mangum(app, lifespan="off")
