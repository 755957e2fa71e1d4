"""The private service: it runs the tasks that the queue brings."""

from fastapi import FastAPI

from shop.tasks import mails, payments

app = FastAPI()
app.include_router(payments)
app.include_router(mails)
