"""The shop's rules, pure: the standard library and pydantic only. They take `now` and never ask for it."""
