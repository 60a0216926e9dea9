"""The sample shop: its orders and returns as data, the run that takes them through their lives, and how it is shown."""
