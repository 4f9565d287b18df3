"""The reference engine: idiomatic SimPy, one process per order, people as stations; slow, readable, exact."""
