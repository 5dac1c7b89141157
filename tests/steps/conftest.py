"""A fresh scene for each test."""

import pytest
from hypothesis import settings

from tests.steps.scene import Scene

# Examples are judged by what they show, not by how long a busy machine takes for them.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


@pytest.fixture
def scene() -> Scene:
    """One tenant; nothing of it exists on the target yet."""
    return Scene()
