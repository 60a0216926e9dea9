"""Workers of several builds, on a server of their own."""

from live_fixtures import temporal

__all__ = ["temporal"]
