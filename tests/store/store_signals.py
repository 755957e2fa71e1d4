"""Writes and reads under a storm of signals whose handler raises, and of exceptions thrown into a thread.

`store_signals PATH SECONDS`, in a process of its own. It ends well if nothing hangs, nobody but an interrupted call
hears of its interruption, and everything that was answered is there.
"""

import asyncio
import ctypes
import random
import signal
import sys
import threading
import time

from gcptasks.base.events import Events
from gcptasks.store.database import parse_database
from gcptasks.store.store import Store
from gcptasks.store.tx import Tx
from store.store_interrupts import Interrupt, TimedOut
from store.store_verbs import QUEUE, add_queue, add_task, all_tasks

SOON = 20.0
"""Seconds; far longer than any call takes, unless it hangs."""

path, seconds = sys.argv[1:]
store = Store(parse_database(path), Events())
store.write_sync(add_queue)
end = time.monotonic() + float(seconds)
answered: set[str] = set()
interruptions = 0
armed = thrown = False  # no events, which a handler that interrupts them must not touch


def a_queue(tx: Tx) -> object:
    return tx.queues.find(QUEUE)


def interrupt(number: int, frame: object) -> None:
    global armed
    if armed:
        armed = False
        raise Interrupt


def call_under_signals() -> None:
    """Calls of the main thread, which signals interrupt."""
    global armed, interruptions
    signal.signal(signal.SIGALRM, interrupt)
    while time.monotonic() < end:
        try:
            armed = True
            signal.setitimer(signal.ITIMER_REAL, random.uniform(0.00001, 0.002))
            answered.add(store.write_sync(add_task).name.task)
            store.read(a_queue)
            armed = False
        except Interrupt:
            interruptions += 1
    signal.setitimer(signal.ITIMER_REAL, 0)


def call_with_timeouts() -> None:
    """Calls of another thread, which a timeout library interrupts."""
    global thrown
    while time.monotonic() < end:
        try:
            while time.monotonic() < end:
                answered.add(store.write_sync(add_task).name.task)
        except TimedOut:
            thrown = False


def throw_timeouts(into: threading.Thread) -> None:
    """One after the other, each once the one before was caught, or was lost where Python cannot raise it."""
    global thrown
    tries = 0
    while time.monotonic() < end - 1:
        time.sleep(random.uniform(0.0005, 0.005))
        tries += 1
        # A thread has the identity of the one that starts it until it runs, so what is thrown may end that one instead.
        # Then `Thread.start` waits for it without end: a fault of CPython's, which 3.11 has.
        starting = vars(threading)["_limbo"]
        if not starting and (not thrown or tries % 100 == 0):
            thrown = True
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(into.ident or 0), ctypes.py_object(TimedOut))


def call_on_loop() -> None:
    """Calls of an event loop, which must not notice any of this."""

    async def calls() -> None:
        while time.monotonic() < end:
            async with asyncio.timeout(SOON):
                tasks = await asyncio.gather(*(store.write(add_task) for _ in range(5)))
            answered.update(task.name.task for task in tasks)

    asyncio.run(calls())
    undisturbed.set()


undisturbed = threading.Event()
timed = threading.Thread(target=call_with_timeouts, daemon=True)
threads = [
    timed,
    threading.Thread(target=throw_timeouts, args=(timed,), daemon=True),
    threading.Thread(target=call_on_loop, daemon=True),
]
for one in threads:
    one.start()
call_under_signals()
for one in threads:
    one.join(SOON)
    assert not one.is_alive(), "it hangs"
assert undisturbed.is_set()
begun = time.monotonic()
answered.add(store.write_sync(add_task).name.task)
there = {task.name.task for task in store.read(all_tasks)}
assert time.monotonic() - begun < SOON
assert answered <= there, f"{len(answered - there)} are lost"
store.close()
print(interruptions, len(answered), len(there))
