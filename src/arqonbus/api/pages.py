"""The pages: alive, ready, version and metrics."""

from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from arqonbus.api.about import about
from arqonbus.api.answers import NO_STORE, answer
from arqonbus.api.interface import BusStatus

PATHS: Final = ("/health", "/ready", "/version", "/metrics")


class Pages:
    """The handlers over one bus."""

    def __init__(self, status: BusStatus, registry: CollectorRegistry) -> None:
        self._status = status
        self._registry = registry
        self._about = about()

    def routes(self) -> list[web.RouteDef]:
        """The routes of an application; a GET answers HEAD too."""
        handlers = (self.health, self.ready, self.version, self.metrics)
        return [web.get(path, handler) for path, handler in zip(PATHS, handlers, strict=True)]

    async def health(self, _request: web.Request) -> web.Response:
        """The process is alive; whether it can take traffic is `/ready`'s to say."""
        return answer(
            {**self._status.health(), "status": "alive", "version": self._about["version"]}
        )

    async def ready(self, _request: web.Request) -> web.Response:
        """200 when the bus can take traffic; else 503 with every reason."""
        reasons = list(self._status.ready())
        status = 503 if reasons else 200
        return answer({"ready": not reasons, "reasons": reasons}, status)

    async def version(self, _request: web.Request) -> web.Response:
        """What this build is."""
        return answer(self._about)

    async def metrics(self, _request: web.Request) -> web.Response:
        """All metrics in the Prometheus text format."""
        body = generate_latest(self._registry)
        return web.Response(body=body, headers={**NO_STORE, "Content-Type": CONTENT_TYPE_LATEST})
