"""Decisions by proof: exact reorder policies and OR-Tools assignments, each re-checked from its data."""
