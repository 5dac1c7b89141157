"""Pure rules: states, the catalogue of steps, blueprints, the planner, names, back-off."""
