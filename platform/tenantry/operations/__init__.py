"""
What people and programs can ask for, one module for a noun.

Each function takes a Session and never commits: doors open transactions, and publish the hints
that an operation returns after their commit.
"""
