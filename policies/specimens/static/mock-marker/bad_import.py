from unittest.mock import AsyncMock

client = AsyncMock()
