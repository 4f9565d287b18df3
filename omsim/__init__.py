"""omsim: simulate order fulfilment from order to refund, and prove decisions in the same simulation."""

__version__ = "0.1.0"
