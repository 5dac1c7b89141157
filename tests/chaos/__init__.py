"""`make chaos`: what the installation promises on bad days, shown on real processes."""
