"""Stripe's error answers, in Stripe's own words, so that the official client raises what it would there.

    Refusal        endpoint execution began and Stripe said no: stored under the idempotency key
    └ Invalid      refused before execution began: never stored

Source of types, codes and messages: docs.stripe.com/api/errors and docs.stripe.com/error-codes.
"""

from typing import Any


class Refusal(Exception):
    """An answer that is not 200; ``status`` and ``body()`` are what goes over the wire."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
    ) -> None:
        super().__init__(code or type)
        self.status = status
        self.message = message
        self.type = type
        self.code = code
        self.param = param

    def body(self) -> dict[str, Any]:
        """Stripe's error envelope, without the members that do not apply."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.code:
            error["code"] = self.code
            error["doc_url"] = f"https://docs.stripe.com/error-codes/{self.code.replace('_', '-')}"
        if self.param:
            error["param"] = self.param
        return {"error": error}


class Invalid(Refusal):
    """A parameter that fails validation, before anything was carried out."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(400, message, code=code, param=param)


def missing_resource(kind: str, id: str, *, param: str, status: int = 404) -> Refusal:
    """The object that was named does not exist: 404 when the path names it, 400 when a parameter does."""
    return Refusal(status, f"No such {kind}: '{id}'", code="resource_missing", param=param)


def unauthorized(api_key: str | None) -> Refusal:
    """No key, or a key that is not ours; the key itself is shown masked, as Stripe does."""
    if api_key is None:
        return Refusal(401, "You did not provide an API key. Send it as `Authorization: Bearer YOUR_KEY`.")
    masked = f"{api_key[:8]}{'*' * 8}{api_key[-4:]}" if len(api_key) > 16 else "*" * len(api_key)
    return Refusal(401, f"Invalid API Key provided: {masked}")


def unknown_route(method: str, path: str) -> Refusal:
    """What Stripe answers to a URL it does not have."""
    return Refusal(
        404,
        f"Unrecognized request URL ({method}: {path}). Please see https://docs.stripe.com/api or we can help "
        "at https://support.stripe.com/.",
    )


def rate_limited() -> Refusal:
    """429, given before the idempotency layer has seen the request."""
    return Refusal(
        429,
        "Request rate limit exceeded. Learn more about rate limits at https://docs.stripe.com/rate-limits.",
        code="rate_limit",
    )


def server_error() -> Refusal:
    """500: what happened is not said."""
    return Refusal(500, "An unknown error occurred", type="api_error")


def key_in_use(key: str) -> Refusal:
    """409: a request with this idempotency key is still being carried out."""
    return Refusal(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        f"submitted twice, and the other request is still going through): {key}. Please try again later.",
        type="idempotency_error",
        code="idempotency_key_in_use",
    )


def key_reused(key: str, what: str) -> Refusal:
    """400: the key was first used for something else; ``what`` says which part differs."""
    return Refusal(
        400,
        f"Keys for idempotent requests can only be used {what} they were first used with. Try using a key "
        f"other than '{key}' if you meant to execute a different request.",
        type="idempotency_error",
    )
