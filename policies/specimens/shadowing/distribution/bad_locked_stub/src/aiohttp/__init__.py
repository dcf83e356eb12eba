"""Minimal aiohttp stub for testing."""
