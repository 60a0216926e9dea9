"""The policy file: its promises as DESIGN 4 lists them, its mistakes as sentences, its version as its bytes."""

from datetime import date, time
from fractions import Fraction
from pathlib import Path

import pytest

from returndesk.domain.errors import ConfigurationError
from returndesk.domain.policy import DecideWhen, read_policy

TEXT = (Path(__file__).parents[2] / "policy.toml").read_text()
WORKDAY = ((time(9), time(17, 30)),)


def changed(old: str, new: str) -> str:
    assert old in TEXT
    return TEXT.replace(old, new, 1)


def mistakes_in(text: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        read_policy(text)
    assert "Value error" not in refused.value.sentence
    return refused.value.sentence


def test_the_default_policy_makes_the_promises_of_the_design() -> None:
    policy = read_policy(TEXT)
    assert (policy.shop.name, policy.shop.zone, policy.shop.currency) == ("Diva Alex", "Europe/London", "GBP")
    assert (policy.calendar.country, policy.calendar.subdivision) == ("GB", "ENG")
    assert policy.calendar.opening.week == (WORKDAY,) * 5 + ((), ())
    assert policy.clocks.processing_business_days == 5
    assert policy.clocks.refund_business_days == 7
    assert policy.clocks.warn_share == Fraction(4, 5)
    assert policy.clocks.delay_business_days == 1
    assert policy.returns.window_days == 30
    assert policy.returns.delivery_assumed_after_days == 5
    assert policy.returns.reminder_after_days == 14
    assert policy.returns.expiry_after_days == 28
    assert policy.conditions == {
        "original": "accepted",
        "opened": "manual_review",
        "used": "rejected",
        "damaged": "rejected",
        "defective": "manual_review",
    }
    assert policy.packaging == {"original": "accepted", "opened": "manual_review", "missing": "rejected"}
    assert policy.eligibility.contact_backdated_days == 7
    assert policy.eligibility.delivery_unknown_days == 14
    assert policy.eligibility.faults_need_person
    assert policy.decision.decide is DecideWhen.WHEN_CLEAR
    assert policy.decision.approval_above_minor == 500_00
    assert policy.decision.refund_shipping == {"whole_order", "faulty"}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('version = "2026-11"\n', "", "version: Field required"),
        ('"2026-11"', '"of today"', "version: use letters, digits"),
        ('name = "Diva Alex"', 'name = ""', "shop.name: String should have at least 1 character"),
        ("Europe/London", "Mars/Olympus", "shop.zone: 'Mars/Olympus' is not a time zone"),
        ('"GBP"', '"pounds"', "shop.currency: Write the currency as its ISO 4217 code: GBP."),
        ("returns@divaalex.example", "the shop", "shop.reply_to: it is not an email address"),
        ("finance@divaalex.example", "finance", "shop.finance_email: it is not an email address"),
        ('["Diva Alex Returns", "Unit 4, Mill Lane", "Leeds LS1 4DY", "United Kingdom"]', "[]",
         "shop.return_address"),
        ('country = "GB"\n', "", "calendar.country: Field required"),
        ('"09:00-17:30"', '"nine to five"', "calendar.opening.monday: 'nine to five' is not a span"),
        ('"09:00-17:30"', '"09:00+01:00-17:30"', "calendar.opening.monday: '09:00+01:00-17:30' is not a span"),
        ('"09:00-17:30"', '"09-17"', "calendar.opening.monday: '09-17' is not a span"),
        ('"09:00-17:30"', '"17:30-09:00"', "calendar.opening.monday: '17:30-09:00' must end after it starts"),
        ('"09:00-17:30"', '"09:00-13:00", "12:00-17:30"', "calendar.opening.monday: '12:00-17:30' must end"),
        ('"09:00-17:30"', '"18:00-00:00"', "calendar.opening.monday: '18:00-00:00' must end after it starts"),
        ('"09:00-17:30"', '"18:00-24:00", "00:00-01:00"', "calendar.opening.monday: '00:00-01:00' must end"),
        ('"09:00-17:30"', '"24:00-24:00"', "calendar.opening.monday: '24:00-24:00' is not a span"),
        ('["09:00-17:30"]', '"09:00-17:30"', "calendar.opening.monday: Input should be a valid tuple"),
        ("sunday = []", "funday = []", "calendar.opening.funday: Extra inputs are not permitted"),
        ("closed_dates = []", 'closed_dates = ["soon"]', "calendar.closed_dates.0:"),
        ("processing_business_days = 5", "processing_business_days = 0", "clocks.processing_business_days:"),
        ("processing_business_days = 5", "processing_business_days = 5.0", "clocks.processing_business_days:"),
        ("refund_business_days = 7", 'refund_business_days = "7"', "clocks.refund_business_days:"),
        ("warn_percent = 80", "warn_percent = 100", "clocks.warn_percent:"),
        ("window_days = 30", "window_days = -1", "returns.window_days:"),
        ("window_days = 30", "window_days = true", "returns.window_days:"),
        ("expiry_after_days = 28", "expiry_after_days = 14", "returns.expiry_after_days must be after"),
        ('used = "rejected"\n', "", "The policy file says nothing of: used."),
        ('missing = "rejected"\n', "", "The policy file says nothing of: missing."),
        ('used = "rejected"', 'used = "pending"', "conditions.used:"),
        ('used = "rejected"', 'worn = "rejected"', "conditions.worn."),
        ('"when_clear"', '"sometimes"', "decision.decide:"),
        ("approval_above_minor = 50000", "approval_above_minor = 500.00", "decision.approval_above_minor:"),
        ("approval_above_minor = 50000", "approval_above_minor = -1", "decision.approval_above_minor:"),
        ('"faulty"', '"always"', "decision.refund_shipping"),
        ("contact_backdated_days = 7", "contact_backdated_days = -1", "eligibility.contact_backdated_days:"),
        ("delivery_unknown_days = 14", "delivery_unknown_days = 1.5", "eligibility.delivery_unknown_days:"),
        ("faults_need_person = true", "faults_need_person = 1", "eligibility.faults_need_person:"),
        ('    { condition = "original" },\n', "",
         'inspection: no rule gives a condition where opened = false, marks = "none", damaged = false, '
         'accessories = "complete", packaging = "original", works = true; end with one that has no `when`'),
        ('    { packaging = "original" },\n', "", "inspection: no rule gives a packaging where opened = false"),
        ("    { when = { works = false }", "    { condition = \"used\" },\n    { when = { works = false }",
         "inspection: the condition of rule 5 never counts: rules before it always fit"),
        ('{ when = { opened = true }, condition = "opened" }', "{ when = { opened = true } }",
         "inspection.rules.7: it names neither a condition nor a packaging"),
        ("{ when = { opened = true }", '{ when = { opened = "yes" }', "inspection.rules.7.when.opened:"),
        ("{ when = { works = false }", '{ when = { works = "maybe" }', "inspection.rules.3.when.works."),
        ("{ when = { works = false }", "{ when = { smell = false }", "inspection.rules.3.when.smell:"),
    ],
)  # fmt: skip
def test_every_mistake_is_a_sentence_that_names_the_field(old: str, new: str, says: str) -> None:
    assert says in mistakes_in(changed(old, new))


def test_a_policy_may_grade_no_facts_and_leave_no_request_to_a_person() -> None:
    first, _, rest = TEXT.partition("[eligibility]")
    policy = read_policy(first + "[conditions]" + rest.partition("[conditions]")[2])
    assert policy.inspection is None
    rules = policy.eligibility
    assert (rules.contact_backdated_days, rules.delivery_unknown_days) == (0, 0)
    assert not rules.faults_need_person


def test_all_mistakes_are_said_at_once() -> None:
    text = TEXT.replace("window_days = 30", "window_days = -1").replace(
        "warn_percent = 80", "warn_percent = 0"
    )
    said = mistakes_in(text)
    assert "returns.window_days" in said
    assert "clocks.warn_percent" in said


def test_a_file_that_is_no_toml_is_told_where() -> None:
    assert "not valid TOML: " in mistakes_in("[shop\n")
    assert "line 1" in mistakes_in("[shop\n")


def test_a_missing_section_is_named() -> None:
    assert "decision: Field required" in mistakes_in(TEXT.partition("[decision]")[0])


@pytest.mark.parametrize("more", ["\n", " ", "# a comment\n"])
def test_any_byte_more_is_another_version(more: str) -> None:
    first, second = read_policy(TEXT), read_policy(TEXT + more)
    assert first.version != second.version
    assert first.version.startswith("2026-11+")
    assert second.version.startswith("2026-11+")


def test_the_same_file_is_the_same_version_and_is_kept_as_it_was_read() -> None:
    assert read_policy(TEXT).version == read_policy(TEXT).version
    assert read_policy(TEXT).text == TEXT


def test_a_day_may_have_a_lunch_break_and_a_date_hours_of_its_own() -> None:
    text = changed('monday = ["09:00-17:30"]', 'monday = ["09:00-12:00", "13:00 - 17:30"]').replace(
        "[calendar.opening]", '[calendar.special_days]\n2026-12-24 = ["09:00-12:00"]\n\n[calendar.opening]'
    )
    calendar = read_policy(text).calendar
    assert calendar.opening.monday == ((time(9), time(12)), (time(13), time(17, 30)))
    assert calendar.special_days == {date(2026, 12, 24): ((time(9), time(12)),)}


def test_a_shop_may_stay_open_until_midnight() -> None:
    calendar = read_policy(changed('"09:00-17:30"', '"09:00-12:00", "18:00-24:00"')).calendar
    assert calendar.opening.monday == ((time(9), time(12)), (time(18), time(0)))
