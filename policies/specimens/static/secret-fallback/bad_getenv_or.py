import os

SIGNING = os.getenv("ARQONBUS_AUTH_SECRET") or "a-literal"
