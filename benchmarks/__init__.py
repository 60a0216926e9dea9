"""Measured claims, each a command."""
