"""A tenant's whole life, walked through by real processes."""
