"""These tests run against an installation that really runs."""

from live_fixtures import _the_invariants_hold, live, live_database_url, temporal

__all__ = ["_the_invariants_hold", "live", "live_database_url", "temporal"]
