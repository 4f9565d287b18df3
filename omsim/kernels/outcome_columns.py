"""Names and positions of the counts and sums that the outcome kernels fill.

Owns the layout only: bits of an order's state, causes of a miss, columns of the sums. The passes fill them,
`omsim.analysis` divides and shows them.
"""

from __future__ import annotations

# fmt: off
# Bits of an order's state.
COUNTED, REJECTED, DUE, TRIED, CLOSED = 1, 2, 4, 8, 16
SHIPPED, DELIVERED, IN_FULL, ON_TIME, LOST = 32, 64, 128, 256, 512
DAMAGED, CANCELLED, WAITED, PENDING, OPEN, SHIPPED_ON_TIME = 1024, 2048, 4096, 8192, 16384, 32768

# Why an order that was due was not delivered on time and in full.
CAUSES = (
    "",
    "a parcel was lost",
    "no stock: units cancelled",
    "waited for stock",
    "promised sooner than any pickup",
    "validation took too long",
    "allocated too late",
    "pick and pack too late for the cutoff",
    "packed, but not taken by a carrier in time",
    "shipped in time, transit took too long",
)
(
    NO_CAUSE, BY_LOSS, BY_CANCEL, BY_STOCK, BY_PROMISE, BY_VALIDATION, BY_ALLOCATION, BY_WAREHOUSE, BY_CARRIER,
    BY_TRANSIT,
) = range(10)

# Columns of the sums of one group of orders.
SUM_NAMES = (
    "arrived", "orders", "rejected", "decided", "no_promise", "open", "tried_orders", "filled_orders",
    "tried_lines", "filled_lines", "tried_units", "filled_units", "due", "on_time", "in_full", "on_time_in_full",
    "perfect", "shipped_on_time", "within_a_day", "delivered", "cycle_s", "shipped", "ship_s", "with_shipment",
    "split", "shipments", "waited_orders", "waited_units", "filled_waits", "wait_s", "open_waits", "open_age_s",
    "open_units", "cancelled_orders", "cancelled_units", "lost_margin_cents", "lost_sales_cents", "delivered_units",
)
(
    S_ARRIVED, S_ORDERS, S_REJECTED, S_DECIDED, S_NO_PROMISE, S_OPEN, S_TRIED_ORDERS, S_FILLED_ORDERS,
    S_TRIED_LINES, S_FILLED_LINES, S_TRIED_UNITS, S_FILLED_UNITS, S_DUE, S_ON_TIME, S_IN_FULL, S_OTIF, S_PERFECT,
    S_SHIPPED_ON_TIME, S_WITHIN_A_DAY, S_DELIVERED, S_CYCLE_S, S_SHIPPED, S_SHIP_S, S_WITH_SHIPMENT, S_SPLIT,
    S_SHIPMENTS, S_WAITED_ORDERS, S_WAITED_UNITS, S_FILLED_WAITS, S_WAIT_S, S_OPEN_WAITS, S_OPEN_AGE_S,
    S_OPEN_UNITS, S_CANCELLED_ORDERS, S_CANCELLED_UNITS, S_LOST_MARGIN, S_LOST_SALES, S_DELIVERED_UNITS,
) = range(38)
N_SUMS = 38

# Columns of the daily counts, the parcels of a service, and the work of a site.
DAY_NAMES = (
    "arrived", "left", "due", "on_time", "on_time_in_full", "delivered", "tendered",
)
D_ARRIVED, D_LEFT, D_DUE, D_ON_TIME, D_OTIF, D_DELIVERED, D_TENDERED = range(7)
SERVICE_NAMES = (
    "parcels", "price_cents", "lost", "damaged", "rolled_over", "due", "on_time", "transits", "transit_s",
)
V_PARCELS, V_PRICE, V_LOST, V_DAMAGED, V_ROLLED, V_DUE, V_ON_TIME, V_TRANSITS, V_TRANSIT_S = range(9)
SITE_NAMES = (
    "shipments", "picked_lines", "picked_units", "pick_s", "packed", "pack_s", "due", "on_time",
)
W_SHIPMENTS, W_LINES, W_UNITS, W_PICK_S, W_PACKED, W_PACK_S, W_DUE, W_ON_TIME = range(8)

# Components of the money an order costs, in 1/3600 cent.
COST_NAMES = (
    "pick", "pack", "packaging", "parcel", "contract", "holding", "ordering", "return", "contact", "late_penalty",
    "split_penalty", "lost_margin", "lost_goods",
)
(
    C_PICK, C_PACK, C_PACKAGING, C_PARCEL, C_CONTRACT, C_HOLDING, C_ORDERING, C_RETURN, C_CONTACT, C_LATE, C_SPLIT,
    C_LOST_MARGIN, C_LOST_GOODS,
) = range(13)
PER_CENT = 3600  # parts of a cent in which money is added up: wages of single seconds stay whole numbers

DAY_S = 86_400
# fmt: on
