"""What stands in when nothing real is configured."""
