"""What happens, on a SimPy clock: the two engines, the stock they move and the records they leave."""
