"""`python -m tenantry`."""

from tenantry.app import main

main()
