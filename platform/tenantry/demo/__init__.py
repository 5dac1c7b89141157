"""
What `tenantry demo` needs to bring up a whole installation with nothing but Python.

The parts know nothing of the product: a PostgreSQL and a Valkey out of wheels, a supervisor for any
list of programs, a mailbox, a state folder. Tests use the same parts for their fixtures.
"""
