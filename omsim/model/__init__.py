"""The business as frozen data: tables, scenarios, strict files, and what order history says about a shop."""
