"""Minimal aiohttp stub for testing the HTTP server."""
