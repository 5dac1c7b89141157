"""What staff do in a tenant's years: forms, what they would bring about, and starting it."""
