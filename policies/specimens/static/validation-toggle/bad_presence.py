import os

LAX = "ARQONBUS_DISABLE_AUTH" in os.environ
