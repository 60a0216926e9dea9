"""What every source file keeps to: documented, short, and silent about the machine it was written on."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.sources import PRODUCT, ROOT, files, modules

LINES_MAX = 400
LISTS = {Path("returndesk/store/tables.py")}
"""One table after another and no logic: a second file would only hide half of them."""
ANOTHER_MACHINES = re.compile(
    r"--(?:extra-)?index-url[ =]http|pypi[.]org/simple|files[.]pythonhosted[.]org|proxy[.]golang[.]org"
    r"|artifact(?:ory|s)?[.][a-z]+[.]|/(?:root|work|home/[a-z]+)/|(?<![\w.])/tmp/\w"
)
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


@pytest.mark.parametrize("module", modules(*PRODUCT), ids=str)
def test_everything_public_says_what_it_is(module: Path) -> None:
    tree = ast.parse((ROOT / module).read_text())
    assert not [name for name, node in _public(tree, str(module)) if not ast.get_docstring(node)]


@pytest.mark.parametrize("module", modules(*PRODUCT), ids=str)
def test_a_module_is_short_enough_to_have_one_reason_to_change(module: Path) -> None:
    assert module in LISTS or len((ROOT / module).read_text().splitlines()) <= LINES_MAX


def test_no_file_names_a_registry_or_a_path_of_the_machine_it_was_written_on() -> None:
    named = [
        f"{path}:{number}: {line.strip()[:80]}"
        for path in files()
        for number, line in enumerate((ROOT / path).read_text(errors="replace").splitlines(), start=1)
        if ANOTHER_MACHINES.search(line) and not path.match("tests/architecture/test_sources.py")
    ]
    assert not named, "\n".join(named)


def _public(node: Documented, name: str) -> list[tuple[str, Documented]]:
    """A module, its public classes and functions, and the public methods of those classes."""
    found: list[tuple[str, Documented]] = [(name, node)]
    for inner in node.body:
        if isinstance(inner, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if inner.name.startswith("_"):
                continue
            if isinstance(inner, ast.ClassDef):
                found += _public(inner, f"{name}:{inner.name}")
            else:
                found.append((f"{name}:{inner.name}", inner))
    return found
