"""Which carrier service takes which parcel: slots, kilograms, contracts; each answer with its bound and a checker."""

from omsim.optimize.carriers.check import check_carriers
from omsim.optimize.carriers.contract_bill import Bill, bill_contract
from omsim.optimize.carriers.contracts import assign_with_contracts
from omsim.optimize.carriers.horizon import expect_alike
from omsim.optimize.carriers.shapes import (
    HELD,
    MOST_CENTS,
    CarrierAssignment,
    CarrierCheck,
    Contract,
    ContractOutcome,
    Expected,
    Period,
)
from omsim.optimize.carriers.slots import assign_carriers, cheapest_with_room, check_carrier_assignment
from omsim.optimize.carriers.weights import assign_within_weight

__all__ = [
    "HELD",
    "MOST_CENTS",
    "Bill",
    "CarrierAssignment",
    "CarrierCheck",
    "Contract",
    "ContractOutcome",
    "Expected",
    "Period",
    "assign_carriers",
    "assign_with_contracts",
    "assign_within_weight",
    "bill_contract",
    "cheapest_with_room",
    "check_carrier_assignment",
    "check_carriers",
    "expect_alike",
]
