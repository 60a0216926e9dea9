"""Closed days come from the library, and what it does not know is said aloud."""

from datetime import date

import pytest

from returndesk.domain.errors import ConfigurationError
from returndesk.gateways.holiday_table import closed_days


def test_england_is_closed_on_its_august_bank_holiday_and_on_observed_days() -> None:
    closed = closed_days("GB", "ENG", (2026, 2027))

    assert {date(2026, 8, 31), date(2026, 12, 28), date(2027, 1, 1)} <= closed
    assert date(2026, 8, 3) not in closed  # Scotland's


@pytest.mark.parametrize("year", [2150, 1700])
def test_a_year_nobody_knows_is_an_error_and_not_a_year_without_holidays(year: int) -> None:
    with pytest.raises(ConfigurationError) as refused:
        closed_days("GB", "ENG", (2026, year))

    assert refused.value.code == "holidays_year_unknown"


@pytest.mark.parametrize(("country", "subdivision"), [("ZZ", None), ("GB", "XX"), ("gb", "ENG")])
def test_a_place_nobody_knows_is_an_error(country: str, subdivision: str | None) -> None:
    with pytest.raises(ConfigurationError) as refused:
        closed_days(country, subdivision, (2026,))

    assert refused.value.code == "holidays_place_unknown"
