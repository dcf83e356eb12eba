"""What is done again and again while the bus runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from arqonbus.errors import ArqonBusError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from arqonbus.telemetry.metrics import Metrics

log = structlog.get_logger(__name__)


async def upkeep(
    work: Callable[[], Awaitable[None]], *, every: float, what: str, metrics: Metrics
) -> None:
    """Do `work` every so many seconds, for ever; a failure is logged and tried again.

    `what` says whose upkeep it is, in the log and in the metric of internal errors.
    """
    while True:
        await asyncio.sleep(every)
        try:
            await work()
        except ArqonBusError as error:
            log.warning("upkeep has to wait", of=what, reason=str(error))
        except Exception:
            # The task's edge.
            log.exception("upkeep failed", of=what)
            metrics.internal_error(what)
