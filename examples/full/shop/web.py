"""The public service: it enqueues, and serves no task and no job."""

from fastapi import FastAPI, HTTPException
from google.api_core.exceptions import AlreadyExists

from shop.schedules import daily
from shop.tasks import Order, charge, confirm

app = FastAPI()


@app.post("/orders", status_code=202)
def place(order: Order) -> str:
    """Charge the order, once, however often it is sent."""
    try:
        return charge.options(task_id=f"order-{order.number}").delay(order=order).name
    except AlreadyExists:
        raise HTTPException(409, f"order {order.number} was placed before") from None


@app.post("/orders/{number}/confirmation", status_code=202)
async def send_confirmation(number: int, to: str) -> str:
    """Send it in a second, from an async endpoint."""
    return (await confirm.options(countdown=1).delay(number=number, to=to)).name


@app.post("/reports/daily", status_code=202)
async def report_now() -> str:
    """Have the daily report written now as well."""
    return (await daily.run()).name
