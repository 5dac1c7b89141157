"""A stand-in for a Dokploy server (v0.30.2), for tests and demonstrations. HTTP only."""

from dokploy_simulator.options import SimulatorOptions
from dokploy_simulator.running import Simulator, SimulatorProcess

__all__ = ["Simulator", "SimulatorOptions", "SimulatorProcess"]
