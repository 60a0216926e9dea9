"""Who may import whom: the contracts of `.importlinter`, and what they cannot say."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.sources import ROOT, imports_of, modules

RULES_MAY_USE = {"pydantic"}
MONEY = (
    "returndesk/domain/money.py",
    "returndesk/domain/settlement.py",
    "returndesk/gateways/stripe.py",
    "returndesk/store/ledger.py",
    "returndesk/store/payments.py",
    "returndesk/store/refunds.py",
    "activities/refunds.py",
    "activities/transitions/decision.py",
    "activities/transitions/refund_answers.py",
)
DIVIDES_FRACTIONS = {"returndesk/domain/money.py"}
"""Where `/` is exact: a Fraction is divided, or divides."""


def test_every_import_contract_is_kept() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    checked = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize("module", modules("returndesk/domain"), ids=str)
def test_rules_need_nothing_but_the_standard_library_and_pydantic(module: Path) -> None:
    outside = {
        name
        for name in imports_of(module)
        if name.partition(".")[0] not in sys.stdlib_module_names | RULES_MAY_USE
        and not name.startswith("returndesk.domain")
    }
    assert not outside


@pytest.mark.parametrize("name", MONEY)
def test_no_float_comes_near_money(name: str) -> None:
    tree = ast.parse((ROOT / name).read_text())
    floats = [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Name) and node.id == "float")
        or (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (
            isinstance(node, ast.BinOp | ast.AugAssign)
            and isinstance(node.op, ast.Div)
            and name not in DIVIDES_FRACTIONS
        )
    ]
    assert not floats, f"lines {floats}"
