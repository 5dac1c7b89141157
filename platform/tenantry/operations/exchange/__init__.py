"""
An installation as one YAML document, and back: for versions under control and for a disaster.

The names of seed 001 stand in it: `version`, `applications`, `databases`, `domains`, `environment`.
It holds no secret and no id of anything; secret values go into a sealed bundle beside it.
"""
