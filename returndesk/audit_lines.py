"""Verifies every return's record in a process of its own and tells how far it is, one JSON line after the other.

Hashing a million records inside the API would slow every page meanwhile. The database is the one in
`RETURNDESK_DATABASE_URL`; nothing is written to it.
"""

import json
import os
import sys
from dataclasses import astuple

from returndesk.store.audit_verification import verified
from returndesk.store.database import Database

DATABASE_URL = "RETURNDESK_DATABASE_URL"


def main() -> None:
    """A line for each some hundred returns: how many, how many records, and what was found: rma, seq, code, sentence, place."""
    database = Database(os.environ[DATABASE_URL])
    for progress in verified(database):
        found = [astuple(finding) for finding in progress.found]
        sys.stdout.write(json.dumps([progress.returns_done, progress.records_done, found]) + "\n")
        sys.stdout.flush()
    database.close()


if __name__ == "__main__":
    main()
