"""Tasks as functions, in one app that pushes and runs them: `fastapi-gcp-tasks dev orders.main:app`."""

from fastapi import FastAPI
from google.api_core.exceptions import AlreadyExists

from cloudtask.fastapi import CloudTaskRouter
from orders.tasks import Order, charge, client, send_confirmation

app = FastAPI()
app.include_router(CloudTaskRouter(client), prefix="/tasks")


@app.post("/orders", status_code=202)
async def buy(order: Order) -> list[str | None]:
    """Charge the order once, however often it is sent, and confirm it."""
    payment = charge(order)
    payment.name = f"charge-{order.number}"
    try:
        name = await payment.push()
    except AlreadyExists:
        return []
    return [name, await send_confirmation(order).push()]
