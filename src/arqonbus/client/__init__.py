"""The Python SDK: publish with receipts, subscribe and resume, told of everything missed."""

from arqonbus.client.backoff import Backoff
from arqonbus.client.client import Client
from arqonbus.client.errors import (
    AccessLostError,
    ClientClosedError,
    ClientError,
    ConnectFailedError,
    ConnectionLostError,
    HandshakeRefusedError,
    InvalidArgumentError,
    ProtocolViolationError,
    PublishTimeoutError,
    RefusedError,
    StreamBrokenError,
    TokenExpiredError,
    TokenProviderError,
    TokenRevokedError,
)
from arqonbus.client.items import (
    Direct,
    Gap,
    HistoryPage,
    Lost,
    Message,
    Position,
    Receipt,
)
from arqonbus.client.subscription import Subscription
from arqonbus.client.tls import tls_context
from arqonbus.client.tokens import TokenProvider
from arqonbus.client.work import Task, Work

__all__ = [
    "AccessLostError",
    "Backoff",
    "Client",
    "ClientClosedError",
    "ClientError",
    "ConnectFailedError",
    "ConnectionLostError",
    "Direct",
    "Gap",
    "HandshakeRefusedError",
    "HistoryPage",
    "InvalidArgumentError",
    "Lost",
    "Message",
    "Position",
    "ProtocolViolationError",
    "PublishTimeoutError",
    "Receipt",
    "RefusedError",
    "StreamBrokenError",
    "Subscription",
    "Task",
    "TokenExpiredError",
    "TokenProvider",
    "TokenProviderError",
    "TokenRevokedError",
    "Work",
    "tls_context",
]
