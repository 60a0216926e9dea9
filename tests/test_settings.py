"""Settings: half-set real configurations are refused by name, and no secret is ever repeated."""

import os
from pathlib import Path

import pytest

from returndesk.domain.errors import ConfigurationError
from returndesk.settings import Settings, read_settings

SECRET = "canary-0123456789-0123456789-0123456789"
REAL = {"RETURNDESK_SECRET": SECRET}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("RETURNDESK_", "TEMPORAL_", "STRIPE_", "SMTP_", "AWS_")):
            monkeypatch.delenv(name)


def settings(monkeypatch: pytest.MonkeyPatch, **given: str) -> Settings:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    return read_settings()


def test_nothing_set_is_all_embedded() -> None:
    found = read_settings()
    assert found.all_embedded
    assert not any(found.outside.values())
    assert (found.api_port, found.stripe_port, found.smtp_port, found.temporal_port) == (
        8400,
        8401,
        8402,
        8403,
    )


@pytest.mark.parametrize(
    ("name", "value", "part"),
    [
        ("RETURNDESK_DATABASE_URL", "postgresql+psycopg://db/returns", "the database"),
        ("TEMPORAL_ADDRESS", "temporal.shop.example:7233", "Temporal"),
        ("STRIPE_API_KEY", "sk_test_1", "Stripe"),
        ("SMTP_URL", "smtps://mail.shop.example:465", "mail"),
        ("RETURNDESK_PHOTOS", "s3://photos.shop.example/returns", "photo storage"),
    ],
)
def test_one_real_part_is_real_and_the_others_stay_embedded(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, part: str
) -> None:
    monkeypatch.setenv("RETURNDESK_PUBLIC_URL", "https://returns.shop.example")
    found = settings(monkeypatch, **REAL, **{name: value})
    assert not found.all_embedded
    assert [known for known, real in found.outside.items() if real] == [part]


def test_stripe_key_and_base_alone_switch_to_another_stripe(monkeypatch: pytest.MonkeyPatch) -> None:
    found = settings(monkeypatch, STRIPE_API_KEY="sk_test_1", STRIPE_API_BASE="http://127.0.0.1:12111")
    assert [known for known, real in found.outside.items() if real] == ["Stripe"]


def test_a_real_database_needs_a_secret_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="RETURNDESK_SECRET is not set, and the database is real"):
        settings(monkeypatch, RETURNDESK_DATABASE_URL="postgresql+psycopg://db/returns")


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"STRIPE_API_BASE": "http://stripe"}, ["STRIPE_API_BASE", "STRIPE_API_KEY"]),
        ({"STRIPE_WEBHOOK_SECRET": "whsec_canary"}, ["STRIPE_WEBHOOK_SECRET", "STRIPE_API_KEY"]),
        ({"TEMPORAL_API_KEY": "canary"}, ["TEMPORAL_API_KEY", "TEMPORAL_ADDRESS"]),
        ({"TEMPORAL_TLS": "true"}, ["TEMPORAL_TLS", "TEMPORAL_ADDRESS"]),
        ({"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "ca.pem"}, ["TEMPORAL_TLS_SERVER_CA_CERT_PATH"]),
        (
            {"TEMPORAL_ADDRESS": "t:7233", "TEMPORAL_TLS_CLIENT_CERT_PATH": "c.pem"},
            ["TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"],
        ),
        (
            {"TEMPORAL_ADDRESS": "t:7233", "TEMPORAL_TLS_CLIENT_KEY_PATH": "k.pem"},
            ["TEMPORAL_TLS_CLIENT_CERT_PATH", "TEMPORAL_TLS_CLIENT_KEY_PATH"],
        ),
        (
            {"TEMPORAL_ADDRESS": "t:7233", "TEMPORAL_DEPLOYMENT_NAME": "canary"},
            ["TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"],
        ),
        (
            {"TEMPORAL_ADDRESS": "t:7233", "TEMPORAL_WORKER_BUILD_ID": "canary"},
            ["TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_WORKER_BUILD_ID"],
        ),
        (
            {"TEMPORAL_DEPLOYMENT_NAME": "canary", "TEMPORAL_WORKER_BUILD_ID": "canary"},
            ["TEMPORAL_DEPLOYMENT_NAME", "TEMPORAL_ADDRESS"],
        ),
        *(
            (
                {"TEMPORAL_ADDRESS": "t", "TEMPORAL_WORKER_BUILD_ID": "1", "TEMPORAL_DEPLOYMENT_NAME": name},
                ["TEMPORAL_DEPLOYMENT_NAME cannot be used"],
            )
            for name in ("canary.1", "canary:1", "__canary")
        ),
        ({"SMTP_URL": "smtps://u:canary@mail:465"}, ["SMTP_URL", "RETURNDESK_PUBLIC_URL"]),
        ({"RETURNDESK_PHOTOS": "/canary"}, ["RETURNDESK_PHOTOS", "s3://bucket/prefix"]),
        ({"RETURNDESK_PHOTOS": "s3://Canary_"}, ["RETURNDESK_PHOTOS"]),
        ({"RETURNDESK_PHOTOS": "s3://photos", "AWS_ACCESS_KEY_ID": "canary"}, ["AWS_SECRET_ACCESS_KEY"]),
        ({"RETURNDESK_PHOTOS": "s3://photos", "AWS_SECRET_ACCESS_KEY": "canary"}, ["AWS_ACCESS_KEY_ID"]),
        ({"RETURNDESK_PHOTOS": "s3://photos", "AWS_SESSION_TOKEN": "canary"}, ["AWS_ACCESS_KEY_ID"]),
        ({"RETURNDESK_SECRET": "canary"}, ["RETURNDESK_SECRET", "32 characters"]),
        ({"RETURNDESK_API_PORT": "canary"}, ["RETURNDESK_API_PORT"]),
        ({"RETURNDESK_API_PORT": "65536"}, ["RETURNDESK_API_PORT"]),
        ({"TEMPORAL_TLS": "canary"}, ["TEMPORAL_TLS"]),
        *(
            ({"RETURNDESK_TRUSTED_PROXIES": given}, ["RETURNDESK_TRUSTED_PROXIES", "10.1.0.0/24"])
            for given in ("*", "canary", "10.0.0.4,canary", "10.0.0.4/24")
        ),
        ({"RETURNDESK_CACHED_RUNS": "0"}, ["RETURNDESK_CACHED_RUNS"]),
    ],
)
def test_half_a_configuration_is_refused_and_named(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, str], named: list[str]
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        settings(monkeypatch, **REAL | given)
    assert refused.value.code == "settings_invalid"
    assert all(name in refused.value.sentence for name in named)
    assert "canary" not in refused.value.sentence + repr(refused.value)


def test_an_empty_value_is_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, STRIPE_API_KEY="", RETURNDESK_DATABASE_URL="", SMTP_URL="").all_embedded


def test_a_file_is_read_and_the_environment_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RETURNDESK_API_PORT=9001\nRETURNDESK_STRIPE_PORT=9002\nOTHER=1\n")
    found = settings(monkeypatch, RETURNDESK_API_PORT="9100")
    assert (found.api_port, found.stripe_port) == (9100, 9002)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("s3://photos", ("photos", "")),
        ("s3://photos/", ("photos", "")),
        ("s3://photos.shop/a/b/", ("photos.shop", "a/b")),
    ],
)
def test_a_bucket_and_what_its_keys_begin_with(
    monkeypatch: pytest.MonkeyPatch, given: str, meant: tuple[str, str]
) -> None:
    assert settings(monkeypatch, RETURNDESK_PHOTOS=given).bucket == meant


def test_keys_of_other_programs_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, AWS_ACCESS_KEY_ID="AKIA1", AWS_REGION="eu-west-2").all_embedded
