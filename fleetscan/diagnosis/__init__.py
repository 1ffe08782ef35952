"""Which question to ask a failing target next. Pure: it asks nobody itself."""
