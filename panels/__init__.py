"""The sidebar panels and the settings that they show."""
