"""The product's source files, and what they import."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PRODUCT = ("returndesk", "workflows", "activities", "api", "worker.py")
GENERATED = "returndesk/store/migrations/versions/"


def modules(*where: str) -> list[Path]:
    """Every Python file under these folders, relative to the checkout; revisions of the database apart."""
    found = [path.relative_to(ROOT) for name in where for path in _under(ROOT / name)]
    return [path for path in found if not str(path).startswith(GENERATED)]


def _under(path: Path) -> Iterator[Path]:
    return iter([path]) if path.is_file() else iter(sorted(path.rglob("*.py")))


def imports_of(module: Path) -> set[str]:
    """The modules that a file names in its imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def files() -> list[Path]:
    """Every file that is in version control or would be added to it, relative to the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [Path(name) for name in listed.stdout.splitlines() if (ROOT / name).is_file()]
