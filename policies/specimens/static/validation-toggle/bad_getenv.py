from os import getenv

LAX = bool(getenv("JWT_SKIP_VALIDATION"))
