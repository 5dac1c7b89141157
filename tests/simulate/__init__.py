"""The engine under a seeded scheduler: one process, virtual time, every fault by the dice."""
