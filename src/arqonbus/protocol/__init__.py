"""Protocol 1.0: frames, codecs and close codes. Plain synchronous code without I/O."""

VERSION = "1.0"
SUBPROTOCOL_JSON = "arqonbus.v1.json"
SUBPROTOCOL_MSGPACK = "arqonbus.v1.msgpack"
# A browser can't set headers: it offers its token as a second subprotocol, which is never selected.
SUBPROTOCOL_TOKEN_PREFIX = "arqonbus.bearer."  # noqa: S105 - a name's prefix, no secret
