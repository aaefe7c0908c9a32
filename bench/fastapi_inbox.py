"""Reading the inbox on FastAPI behind Mangum: the same models, use cases and stores as the operations' own."""

from fastapi import Request, Response
from mangum import Mangum

from bench.fastapi_service import admitted, service
from bench.inbox_job import first_page, read
from chalicelib.inbox.domain.inbox import InboxDelivery, InboxPage, InboxQuery

app = service()


@app.get("/api/v1/inbox", response_model=InboxPage, response_model_exclude_unset=True)
async def list_inbox(request: Request, response: Response) -> InboxPage:
    """List the key's owner's deliveries."""
    query = InboxQuery.model_validate_strings(dict(request.query_params))
    page, admission = first_page(query, request.headers["authorization"], request.state.request_id)
    admitted(request, response, admission)
    return page


@app.get("/api/v1/inbox/{delivery_id}", response_model=InboxDelivery, response_model_exclude_unset=True)
async def get_inbox_delivery(delivery_id: str, request: Request, response: Response) -> InboxDelivery:
    """Read one of them."""
    delivery, admission = read(delivery_id, request.headers["authorization"], request.state.request_id)
    admitted(request, response, admission)
    return delivery


handler = Mangum(app, lifespan="off")
