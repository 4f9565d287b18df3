"""Sourcing a batch of orders as a whole: the optimum with its proof, the independent check, one door for every rule."""
