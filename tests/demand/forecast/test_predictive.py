"""The one call: means, calibration, sold-out days, new and dying items, short histories, refusals."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from omsim.demand.forecast.classes import CLASSES
from omsim.demand.forecast.holdout import central_parts
from omsim.demand.forecast.predictive import METHODS, predict_demand
from omsim.demand.lead_time import Periods, poisson_demand
from omsim.errors import FieldError

FIRST_DAY = date(2024, 1, 1)
FAST_METHODS = [name for name in METHODS if name != "ets"]
WEEK = np.eye(8)[[7]]  # seven days before an order can be used


def predict(history, **arguments):
    """A prediction for a week's lead time and daily review."""
    given = {"first_day": FIRST_DAY, "before_days": WEEK, "review_days": 1, **arguments}
    return predict_demand(history, **given)


def steady(n_items=300, n_days=240, seed=0):
    """Items of all speeds that sell at a chance and in sizes of their own, always the same."""
    rng = np.random.default_rng(seed)
    chance = np.exp(rng.uniform(np.log(0.03), np.log(0.9), (n_items, 1)))
    sizes = rng.geometric(1 / np.exp(rng.uniform(0, 2, (n_items, 1))), (n_items, n_days))
    return (rng.random((n_items, n_days)) < chance) * sizes


@pytest.mark.parametrize("method", [*FAST_METHODS, "auto"])
def test_tables_are_distributions_with_the_mean_of_the_days(method):
    """Each sums to 1; before and after have the mean of as many days; on steady demand that is the history's."""
    history = steady()
    share = np.array([0.0, 0.0, 0.25, 0.5, 0.0, 0.25])
    made = predict(history, before_days=share, review_days=2, method=method, tail=1e-7)
    days = float(share @ np.arange(6))
    for table, length in ((made.period, 2.0), (made.before, days), (made.after, days + 2)):
        np.testing.assert_allclose(np.add.reduceat(table.pmf, table.first[:-1]), 1.0, atol=1e-12)
        assert table.mean().sum() == pytest.approx(length * made.mean_units_per_day.sum(), rel=0.02)
        assert table.mean().sum() == pytest.approx(length * history.mean(axis=1).sum(), rel=0.15)
    np.testing.assert_allclose(
        made.after.mean(),
        made.before.mean() + made.period.mean(),
        rtol=0.02,
        atol=0.05 if method != "empirical" else 0.5,
    )
    assert len(made.method) == made.period.n_items == made.demand_class.size == 300


@pytest.mark.parametrize("method", ["compound", "negative_binomial", "sba", "auto"])
def test_forecasts_of_steady_demand_are_calibrated(method):
    """The next eight days fall into the central 90 % about as often as they should; doubt may widen it a little."""
    history = steady(1_000, 250, seed=1)
    made = predict(history[:, :242], method=method)
    covered = central_parts(made.after, history[:, 242:].sum(axis=1)).mean()
    assert 0.86 < covered < 0.97
    poisson = poisson_demand(history[:, :242].mean(axis=1), Periods.fixed(8))
    assert central_parts(poisson, history[:, 242:].sum(axis=1)).mean() < covered - 0.05


def test_a_poisson_item_is_forecast_as_one():
    """The mean of a long steady history, spread as Poisson."""
    history = np.random.default_rng(2).poisson(3.0, (50, 300))
    made = predict(history, method="poisson", tail=1e-8)
    np.testing.assert_allclose(made.after.variance(), made.after.mean(), rtol=1e-4)
    assert made.after.mean().mean() == pytest.approx(24.0, rel=0.03)


@pytest.mark.parametrize("method", ["compound", "negative_binomial"])
def test_the_tail_left_out_takes_no_mean_to_speak_of(method):
    """By default less than a thousandth of the mean is lost, items lumpy and doubtful."""
    rng = np.random.default_rng(8)
    history = (rng.random((100, 200)) < 0.1) * np.ceil(rng.lognormal(1.5, 1.3, (100, 200))).astype(np.int64)
    default = predict(history, method=method, doubt_sigma=0.58)
    whole = predict(history, method=method, doubt_sigma=0.58, tail=1e-9)
    for part in ("period", "before", "after"):
        lost = 1.0 - getattr(default, part).mean().sum() / getattr(whole, part).mean().sum()
        assert -1e-6 < lost < 1e-3


def test_pack_sizes_stand_out():
    """An item sold by the dozen is forecast to sell dozens, not what lies between."""
    rng = np.random.default_rng(3)
    history = (rng.random((40, 280)) < 0.1) * np.where(rng.random((40, 280)) < 0.8, 12, 24)
    row = predict(history, method="compound").after.row(0)
    assert row[12] + row[24] > 5 * (row[6:12].sum() + row[13:24].sum())


def test_sold_out_days_raise_the_forecast_to_the_demand():
    """Half the busy days sold out: taken as they are the forecast is a quarter short, told of it 10 % at most."""
    rng = np.random.default_rng(4)
    demand = rng.negative_binomial(0.5, 0.1, (300, 200))
    stock = rng.integers(0, 25, demand.shape)
    sales, out = np.minimum(demand, stock), demand >= stock
    truth = 8 * 4.5
    assert predict(sales, method="compound").after.mean().mean() < 0.8 * truth
    told = predict(sales, sold_out=out, method="compound", seed=5)
    assert told.after.mean().mean() == pytest.approx(truth, rel=0.1)
    assert "sold-out days" in told.source


def test_a_new_item_without_a_sale_gets_what_launches_sell():
    """Said to be on sale since yesterday it is forecast like other launches; unsaid, it sells nothing."""
    rng = np.random.default_rng(5)
    start = np.concatenate((np.zeros(50, np.int64), rng.integers(20, 150, 50), [199]))
    on_sale = np.arange(200) >= start[:, None]
    history = (rng.random((101, 200)) < 0.2) * on_sale * rng.integers(1, 5, (101, 200))
    history[100] = 0
    told = predict(history, on_sale_from=start, method="compound")
    assert told.mean_units_per_day[100] == pytest.approx(0.2 * 2.5, rel=0.4)
    assert predict(history, method="compound").mean_units_per_day[100] == 0


def test_a_dying_item_is_forecast_to_sell_less_and_perhaps_nothing():
    """Sixty quiet days after daily sales: most probability on no demand at all; a neighbour sells on."""
    history = np.ones((60, 260), np.int64)
    history[:20, 200:] = 0
    made = predict(history, method="compound")
    assert made.after.row(0)[0] > 0.9
    assert made.mean_units_per_day[0] < 0.1
    assert made.mean_units_per_day[30] == pytest.approx(1.0, rel=0.1)


def test_closed_days_before_the_order_arrives_sell_nothing():
    """History ends on a Friday, the shop is closed at weekends: two days of lead time see no demand, seven a week's."""
    rng = np.random.default_rng(6)
    weekday = np.arange(201) % 7  # 2024-01-01 is a Monday; the last day, 200, is a Friday
    history = rng.poisson(1.0, (80, 201)) * (weekday < 5)
    weekend = predict(history, before_days=np.eye(3)[[2]], method="compound")
    assert weekend.before.mean().max() == 0
    week = predict(history, method="compound")
    assert week.before.mean().mean() == pytest.approx(5.0, rel=0.1)
    assert weekend.mean_units_per_day.mean() == pytest.approx(5 / 7, rel=0.1)
    alike = predict(history, before_days=np.eye(3)[[2]], method="compound", weekdays=False)
    assert alike.before.mean().mean() == pytest.approx(10 / 7, rel=0.1)


def test_each_item_may_have_its_own_method_and_lead_time():
    """Rows of items alone and in company agree; names come back as given."""
    history = steady(40, 120)
    names = [FAST_METHODS[k % len(FAST_METHODS)] for k in range(40)]
    share = np.zeros((40, 15))
    share[np.arange(40), np.arange(40) % 15] = 1.0
    made = predict(history, before_days=share, method=names)
    assert list(made.method) == names
    expected = np.arange(40) % 15 * made.mean_units_per_day
    np.testing.assert_allclose(made.before.mean(), expected, rtol=0.12, atol=0.1)
    for name in FAST_METHODS:
        whole = predict(history, before_days=share, method=name)
        for item in np.flatnonzero(np.array(names) == name)[:2].tolist():
            np.testing.assert_array_equal(made.after.row(item), whole.after.row(item))


def test_auto_tells_what_it_chose_by():
    """What was chosen is told, the same again the same; a history too short to score has the default for all."""
    made = predict(steady(200, 240), method="auto")
    assert set(made.method) <= set(METHODS)
    assert "by score on the last 2 x 8 days" in made.source
    assert predict(steady(200, 240), method="auto").method == made.method
    short = predict(steady(200, 20), method="auto")
    assert set(short.method) == {"compound"}
    assert "too short" in short.source


@pytest.mark.parametrize("n_days", [1, 2, 3, 10])
@pytest.mark.parametrize("method", [*FAST_METHODS, "auto"])
def test_a_history_of_few_days_works(n_days, method):
    """One day is enough: a forecast between nothing and plenty, whatever the method."""
    history = np.random.default_rng(7).poisson(1.0, (50, n_days))
    made = predict(history, method=method)
    assert 0.1 < made.mean_units_per_day.mean() < 4
    np.testing.assert_allclose(np.add.reduceat(made.after.pmf, made.after.first[:-1]), 1.0, atol=1e-12)


@pytest.mark.parametrize("method", [*FAST_METHODS, "auto"])
def test_no_sales_and_no_items_are_not_an_error(method):
    """Demand of nothing is a certain zero."""
    made = predict(np.zeros((3, 40), np.int64), method=method)
    assert made.after.pmf.tolist() == pytest.approx([1.0, 1.0, 1.0])
    assert [CLASSES[code] for code in made.demand_class] == ["too few"] * 3
    nobody = predict(np.zeros((0, 40), np.int64), method=method)
    assert nobody.after.n_items == nobody.mean_units_per_day.size == 0


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"history_units": np.zeros(4)}, "history_units"),
        ({"history_units": np.full((2, 40), -1)}, "history_units"),
        ({"history_units": np.full((2, 40), np.nan)}, "history_units"),
        ({"history_units": np.full((2, 40), 0.5)}, "history_units"),
        ({"history_units": np.zeros((2, 0), np.int64)}, "history_units"),
        ({"before_days": np.array([0.5, 0.4])}, "periods"),
        ({"before_days": np.array([np.nan, 1.0])}, "periods"),
        ({"before_days": np.ones((3, 1))}, "before_days"),
        ({"review_days": 0}, "review_days"),
        ({"sold_out": np.zeros((2, 39), bool)}, "sold_out"),
        ({"open_days": np.ones(39, bool)}, "open_days"),
        ({"on_sale_from": [0, 41]}, "on_sale_from"),
        ({"on_sale_from": [0, 30]}, "first sale"),
        ({"group": [0, -1]}, "group"),
        ({"method": "magic"}, "method"),
        ({"method": ["sba"]}, "method"),
        ({"method": ["sba", "auto"]}, "method"),
        ({"seed": -1}, "seed"),
        ({"tail": 0.0}, "tail"),
        ({"doubt_sigma": -0.1}, "doubt_sigma"),
        ({"doubt_sigma": [0.1, np.nan]}, "doubt_sigma"),
        ({"doubt_sigma": [0.1, 0.1, 0.1]}, "doubt_sigma"),
    ],
)
def test_unusable_input_is_refused(wrong, field):
    """The error names the argument at fault; demand before an item was on sale is one."""
    with pytest.raises(FieldError, match=field):
        predict(
            **{"history": np.ones((2, 40), np.int64), **{k: v for k, v in wrong.items() if k != "history_units"}}
            | ({"history": wrong["history_units"]} if "history_units" in wrong else {})
        )
