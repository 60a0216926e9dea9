"""The books: tables, writes and the views that pages show. The only place that knows SQL."""
