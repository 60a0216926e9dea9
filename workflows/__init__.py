"""What happens next: deterministic, no I/O, read top to bottom like the policy."""
