"""``expand[]``: ids replaced by the objects they name (docs.stripe.com/api/expanding_objects)."""

from typing import Any, Final

from returndesk.embedded.stripe_sandbox.errors import Invalid
from returndesk.embedded.stripe_sandbox.records import Document, Records

DEPTH_MAX = 4

_EXPANDS_TO: Final[dict[tuple[str, str], str]] = {
    ("payment_intent", "latest_charge"): "charge",
    ("charge", "payment_intent"): "payment_intent",
    ("charge", "balance_transaction"): "balance_transaction",
    ("refund", "payment_intent"): "payment_intent",
    ("refund", "charge"): "charge",
    ("refund", "balance_transaction"): "balance_transaction",
    ("refund", "failure_balance_transaction"): "balance_transaction",
    ("dispute", "payment_intent"): "payment_intent",
    ("dispute", "charge"): "charge",
}


def expand(records: Records, document: Document, paths: list[str]) -> Document:
    """The document with every path expanded; raises `Invalid` for one that cannot be."""
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEPTH_MAX:
            raise Invalid(f"You cannot expand more than {DEPTH_MAX} levels of a property.", param="expand")
        _expand(records, document, steps, path)
    return document


def _expand(records: Records, document: Document, steps: list[str], path: str) -> None:
    step, *rest = steps
    if document["object"] == "list" and step == "data" and rest:
        for item in document["data"]:
            _expand(records, item, rest, path)
        return
    if (document["object"], step) == ("charge", "refunds"):
        document["refunds"] = _refunds_of(records, document)
    elif (kind := _EXPANDS_TO.get((document["object"], step))) is None:
        raise Invalid(f"This property cannot be expanded ({path}).", param="expand")
    elif isinstance(value := document.get(step), str):
        document[step] = records.find(kind, value)
    if rest and document.get(step) is not None:
        _expand(records, document[step], rest, path)


def _refunds_of(records: Records, charge: Document) -> dict[str, Any]:
    refunds = records.every("refund", charge=charge["id"])
    return {
        "object": "list",
        "data": refunds[:-11:-1],
        "has_more": len(refunds) > 10,
        "url": f"/v1/charges/{charge['id']}/refunds",
    }
