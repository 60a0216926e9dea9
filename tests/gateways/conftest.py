"""Some of these tests want a real Temporal server."""

from live_fixtures import temporal

__all__ = ["temporal"]
