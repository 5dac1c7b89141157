"""Pure rules need no fixtures."""

from hypothesis import settings

# Examples are judged by what they show, not by how long a busy machine takes for them.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
