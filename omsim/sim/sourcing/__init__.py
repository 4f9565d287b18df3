"""Sourcing in batches: which site serves which line of all orders of a cycle; the same code for both engines."""
