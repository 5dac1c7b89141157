"""A fresh scene for each test."""

import pytest

from tests.steps.scene import Scene


@pytest.fixture
def scene() -> Scene:
    """One tenant; nothing of it exists on the target yet."""
    return Scene()
