"""The JSON API and the pages: translate HTTP to the product's words and back. No business rule lives here."""
