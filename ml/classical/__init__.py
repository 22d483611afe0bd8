"""The built-in ways of the stages: no network, no weights, no download."""
