"""Where demand comes from: named random streams, orders for a horizon, forecasts over the lead time."""
