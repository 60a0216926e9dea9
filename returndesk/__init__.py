"""Durable returns: from the customer's contact to the refund, on time and on the books."""
