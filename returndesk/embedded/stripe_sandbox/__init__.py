"""A small, durable Stripe on loopback: the payment processor of the embedded mode and the tests' oracle."""
