"""The steps: every side effect, idempotent, one module a subject."""
