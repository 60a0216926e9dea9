"""The doctor looks at an installation that really runs."""

from live_fixtures import live, live_database_url, temporal

__all__ = ["live", "live_database_url", "temporal"]
