"""Arrays in, arrays out: the bulk work, compiled or vectorised, knowing neither files nor clocks nor solvers."""
