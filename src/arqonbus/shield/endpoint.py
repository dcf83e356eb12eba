"""Where a JWK Set is fetched: one URL, the operator's; nothing in a token or an answer leads on."""

from __future__ import annotations

import ssl
from typing import Final

import aiohttp

from arqonbus.shield.jwks import MAX_SET_BYTES, KeySetError

FETCH_SECONDS: Final = 5.0
_OK: Final = 200


class Endpoint:
    """Fetches the set's bytes, bounded in time and size."""

    def __init__(self, url: str, context: ssl.SSLContext, *, limit: float = FETCH_SECONDS) -> None:
        self._url = url
        self._limit = aiohttp.ClientTimeout(total=limit)
        # Replaced when the file of authorities is read again.
        self.context = context

    async def fetch(self) -> bytes:
        """What the endpoint answers now.

        Raises:
            KeySetError: anything but a complete answer of status 200 in time.
        """
        connector = aiohttp.TCPConnector(ssl=self.context, force_close=True)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    timeout=self._limit,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    # An answer that grows when it is unpacked could not be bounded.
                    auto_decompress=False,
                    headers={"Accept-Encoding": "identity", "Accept": "application/json"},
                ) as session,
                session.get(self._url, allow_redirects=False) as response,
            ):
                return await _body(response)
        except TimeoutError:
            raise KeySetError("the endpoint did not answer in time") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise KeySetError(f"the endpoint can't be reached: {error}") from error


async def _body(response: aiohttp.ClientResponse) -> bytes:
    if response.status != _OK:
        raise KeySetError(f"the endpoint answered {response.status}; redirects are not followed")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_SET_BYTES:
            raise KeySetError(f"the answer is larger than {MAX_SET_BYTES} bytes")
    return bytes(body)
