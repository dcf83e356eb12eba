"""What the driver raises, in sentences for people. The password is in none of them."""

from __future__ import annotations

from typing import Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from arqonbus.errors import StorageError

# Answers that mean: the primary is another server now.
MOVED: Final = frozenset({"READONLY", "MOVED", "ASK", "TRYAGAIN", "MASTERDOWN", "CLUSTERDOWN"})
_SENTENCES: Final = {
    "OOM": "the Redis server is out of memory (maxmemory)",
    "MISCONF": "the Redis server can't write to its disk",
    "READONLY": "the Redis server is a replica and takes no writes",
    "LOADING": "the Redis server is still loading its data",
    "MASTERDOWN": "the Redis server is a replica that lost its primary",
    "CLUSTERDOWN": "the Redis cluster is down",
    "MOVED": "the slot is served by another node of the Redis cluster",
    "ASK": "the slot is being moved to another node of the Redis cluster",
    "TRYAGAIN": "the slot is being moved to another node of the Redis cluster",
    "NOAUTH": "the Redis server wants a password: set redis.password_file",
    "WRONGPASS": "the Redis server refused user or password",
    "NOPERM": "the Redis user may not do what the store needs",
    "WRONGTYPE": "a key of this store holds a value of another type",
    "NOREPLICAS": "the Redis server has not enough replicas (min-replicas-to-write)",
    "BUSY": "the Redis server is busy with a script",
    "HOLE": "a stream lacks positions in its middle: mend it or delete it by hand",
    "FOREIGN": "a stream holds what no bus wrote: delete it by hand",
    "FENCED": "another bus took over this store: stop this one",
    "STALE": "a later commit overtook this one",
}
# Those that come with a detail which a person needs.
_WITH_DETAIL: Final = frozenset({"MISCONF", "NOPERM", "WRONGTYPE", "HOLE", "FOREIGN"})


def code_of(error: BaseException) -> str:
    """The first word of an error reply, which the driver keeps apart for those it knows."""
    known = getattr(error, "status_code", None)  # the driver's own attribute, None by default
    if known:
        return str(known)
    return str(error).partition(" ")[0] if isinstance(error, ResponseError) else ""


class ReplyError(StorageError):
    """An error reply; `word` is its first one."""

    def __init__(self, word: str, message: str, detail: str) -> None:
        super().__init__(message, detail=detail)
        self.word = word


def refusal(error: RedisError | OSError) -> StorageError:
    """What to tell of an error of the driver."""
    code = code_of(error)
    sentence = _SENTENCES.get(code)
    if sentence is not None:
        return ReplyError(code, sentence, str(error) if code in _WITH_DETAIL else "")
    if isinstance(error, ResponseError):
        return ReplyError(code, "the Redis server refused", str(error))
    if isinstance(error, RedisConnectionError | OSError):
        return StorageError("the Redis server can't be reached", detail=str(error))
    return StorageError("the Redis server answered what is not understood", detail=str(error))
