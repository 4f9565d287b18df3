"""The window engine: everything between two control instants in compiled passes over columns.

`state` holds the columns, `intake` decides what is known before the first second, `allocation`, `flow`, `stock` and
`shipping` are the compiled passes, `engine` carries the control instants on a SimPy clock, `finish` makes the records.
"""
