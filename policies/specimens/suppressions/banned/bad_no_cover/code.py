import os  # pragma: no cover - never reached in tests
