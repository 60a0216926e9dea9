"""Which dates are closed in a country, from the `holidays` library.

Guarantees: a year the library knows nothing of is an error, never a year without holidays.
"""

from collections.abc import Iterable
from datetime import date
from functools import lru_cache

import holidays

from returndesk.domain.errors import ConfigurationError


def closed_days(country: str, subdivision: str | None, years: Iterable[int]) -> frozenset[date]:
    """The public holidays, observed ones included, of a country (ISO 3166-1) and subdivision (ISO 3166-2).

    Raises `ConfigurationError`: `holidays_place_unknown`, `holidays_year_unknown`.
    """
    return frozenset(day for year in years for day in _closed_days(country, subdivision, year))


@lru_cache(maxsize=256)
def _closed_days(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    try:
        known = holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False)
    except NotImplementedError:
        raise ConfigurationError(
            "holidays_place_unknown",
            "No holidays are known for the policy's country and subdivision; write them like GB and ENG.",
        ) from None
    if not known or not known.start_year <= year <= known.end_year:
        raise ConfigurationError(
            "holidays_year_unknown",
            f"No holidays are known for {year}: update the holidays library, or check the date.",
        )
    return frozenset(known)
