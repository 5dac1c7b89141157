"""The kinds of step that mark what stands on a target already."""

from tenantry.planning.stepkind import StepKind

KINDS = (
    StepKind(
        "adopt.project",
        "Mark project",
        "Writes our marker into its description; what it says already stays behind it.",
    ),
    StepKind(
        "service.adopt",
        "Mark service",
        "Writes our marker and turns automatic deploys off; nothing is deployed or restarted.",
        call_deadline=40.0,
    ),
    StepKind(
        "db.adopt",
        "Mark database",
        "Writes our marker into its description; the database itself is not touched.",
        call_deadline=40.0,
    ),
)
