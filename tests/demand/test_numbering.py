"""Numbers keyed draws know things by."""

import dataclasses

import numpy as np
from model.small_models import small_business

from omsim.demand.numbering import base_numbers
from omsim.sim.engine import run_once


def test_rows_keep_the_numbers_of_the_base_model():
    """Rows are known by name: dropping or moving others changes no number, new ones come behind."""
    base = small_business(suppliers="supplier, lead_time_days\nmill, 2\nfarm, 3\nforge, 4")
    moved = small_business(suppliers="supplier, lead_time_days\nnew, 9\nforge, 4\nmill, 2")
    arm = dataclasses.replace(moved, base=base)
    assert base_numbers(base, "suppliers", "supplier").tolist() == [0, 1, 2]
    assert base_numbers(arm, "suppliers", "supplier").tolist() == [3, 2, 0]


def test_a_supplier_more_changes_nobodys_lead_time():
    """A supplier nobody buys from, put first in its table, leaves every receipt where it was."""
    one = "supplier, lead_time, lead_time_days, lead_time_cv\nmill, gamma, 4, 0.7"
    two = "supplier, lead_time, lead_time_days, lead_time_cv\nidle, gamma, 9, 0.7\nmill, gamma, 4, 0.7"
    policy = {"policy": ["base_stock"], "order_up_to_units": ["40"], "supplier": ["mill"], "on_hand_units": ["20"]}
    base = small_business({"model.horizon_days": 21}, suppliers=one, stock=policy)
    arm = dataclasses.replace(small_business({"model.horizon_days": 21}, suppliers=two, stock=policy), base=base)
    before, after = run_once(base, seed=3).purchases, run_once(arm, seed=3).purchases
    assert before.receipt_s.size > 10
    np.testing.assert_array_equal(before.receipt_s, after.receipt_s)
