"""Models at hand for the stages: which backend a stage uses, loading, the device."""
