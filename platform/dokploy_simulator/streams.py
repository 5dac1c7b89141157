"""Server-sent events of the wrapped mount."""

import asyncio
import json
from typing import Any, Final

from tornado.iostream import StreamClosedError
from tornado.web import RequestHandler

from dokploy_simulator.answers import ApiErrorAnswer
from dokploy_simulator.routes import Subscription
from dokploy_simulator.world import World

_END: Final = None


async def tell(
    handler: RequestHandler, world: World, subscription: Subscription, asked: dict[str, Any]
) -> None:
    """Do the work and tell its lines as they come; it goes on when the listener hangs up."""
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    async def work() -> None:
        try:
            await subscription.teller(world, asked, lines.put_nowait)
        except ApiErrorAnswer as refusal:
            lines.put_nowait(f"Error: {refusal.message}")
        finally:
            world.store.commit()
            lines.put_nowait(_END)

    world.keep(asyncio.create_task(work()))
    handler.set_header("Content-Type", "text/event-stream")
    handler.set_header("Cache-Control", "no-cache, no-transform")
    try:
        await _event(handler, "event: connected\ndata: {}")
        while (line := await lines.get()) is not _END:
            await _event(handler, "data: " + json.dumps({"json": line}, ensure_ascii=False))
        await _event(handler, "event: return\ndata: ")
        await handler.finish()
    except StreamClosedError:
        return


async def _event(handler: RequestHandler, text: str) -> None:
    handler.write(f"{text}\n\n")
    await handler.flush()
