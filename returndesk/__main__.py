"""`python -m returndesk` is the command line."""

from returndesk.cli import main

main()
