"""Tenantry: the control plane for vendors who run one copy of their product for each client."""
