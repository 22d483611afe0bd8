"""The splat render engine."""
