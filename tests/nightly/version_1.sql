-- The nightly database as version 1 made it, holding one night. Words in braces differ between SQLite and PostgreSQL.
CREATE TABLE schema_version (
    version {integer} NOT NULL,
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (version)
){strict};
CREATE TABLE runs (
    run_id {integer} NOT NULL,
    as_of {date} NOT NULL,
    model TEXT NOT NULL,
    scope TEXT NOT NULL,
    attempt {integer} NOT NULL,
    state TEXT NOT NULL,
    status TEXT NOT NULL,
    digest TEXT NOT NULL,
    source TEXT NOT NULL,
    gates TEXT NOT NULL,
    facts TEXT NOT NULL,
    folder TEXT NOT NULL,
    recorded_at TEXT NOT NULL,
    PRIMARY KEY (run_id),
    CONSTRAINT runs_attempt_key UNIQUE (as_of, model, scope, attempt),
    CONSTRAINT runs_attempt_check CHECK (attempt >= 1),
    CONSTRAINT runs_state_check CHECK (state IN ('done', 'rejected', 'superseded')),
    CONSTRAINT runs_status_check CHECK (status IN ('ok', 'degraded'))
){strict};
CREATE UNIQUE INDEX runs_done_once ON runs (as_of, model, scope) WHERE state = 'done';
CREATE TABLE outbox (
    run_id {integer} NOT NULL,
    ordinal {integer} NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    sent {integer} NOT NULL,
    digest TEXT NOT NULL,
    n_bytes {integer} NOT NULL,
    PRIMARY KEY (run_id, ordinal),
    CONSTRAINT outbox_name_key UNIQUE (run_id, name),
    CONSTRAINT outbox_sent_check CHECK (sent IN (0, 1)),
    FOREIGN KEY (run_id) REFERENCES runs (run_id)
){strict};
CREATE TABLE purchase_orders (
    run_id {integer} NOT NULL,
    ordinal {integer} NOT NULL,
    purchase_order TEXT NOT NULL,
    supplier TEXT NOT NULL,
    site TEXT NOT NULL,
    lines {integer} NOT NULL,
    units {integer} NOT NULL,
    value_cents {integer} NOT NULL,
    weight_g {integer} NOT NULL,
    volume_mm3 {integer} NOT NULL,
    trucks {integer} NOT NULL,
    order_cost_cents {integer} NOT NULL,
    freight_cents {integer} NOT NULL,
    truck_cost_cents {integer} NOT NULL,
    due_date {date} NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (run_id, ordinal),
    CONSTRAINT purchase_orders_units_check CHECK (units >= 0),
    CONSTRAINT purchase_orders_value_cents_check CHECK (value_cents >= 0),
    CONSTRAINT purchase_orders_weight_g_check CHECK (weight_g >= 0),
    CONSTRAINT purchase_orders_volume_mm3_check CHECK (volume_mm3 >= 0),
    CONSTRAINT purchase_orders_trucks_check CHECK (trucks >= 0),
    CONSTRAINT purchase_orders_order_cost_cents_check CHECK (order_cost_cents >= 0),
    CONSTRAINT purchase_orders_freight_cents_check CHECK (freight_cents >= 0),
    CONSTRAINT purchase_orders_truck_cost_cents_check CHECK (truck_cost_cents >= 0),
    CONSTRAINT purchase_orders_lines_check CHECK (lines >= 1),
    FOREIGN KEY (run_id) REFERENCES runs (run_id)
){strict};
CREATE TABLE proposals (
    run_id {integer} NOT NULL,
    ordinal {integer} NOT NULL,
    proposal TEXT NOT NULL,
    purchase_order TEXT NOT NULL,
    supplier TEXT NOT NULL,
    site TEXT NOT NULL,
    sku TEXT NOT NULL,
    units {integer} NOT NULL,
    unit_cost_cents {integer} NOT NULL,
    value_cents {integer} NOT NULL,
    on_hand_units {integer} NOT NULL,
    on_order_units {integer} NOT NULL,
    backordered_units {integer} NOT NULL,
    reorder_point_units {integer} NOT NULL,
    order_up_to_units {integer} NOT NULL,
    due_date {date} NOT NULL,
    saves_cents {integer} NOT NULL,
    next_pack_saves_cents {integer} NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (run_id, ordinal),
    CONSTRAINT proposals_unit_cost_cents_check CHECK (unit_cost_cents >= 0),
    CONSTRAINT proposals_value_cents_check CHECK (value_cents >= 0),
    CONSTRAINT proposals_on_hand_units_check CHECK (on_hand_units >= 0),
    CONSTRAINT proposals_on_order_units_check CHECK (on_order_units >= 0),
    CONSTRAINT proposals_backordered_units_check CHECK (backordered_units >= 0),
    CONSTRAINT proposals_units_check CHECK (units >= 1),
    CONSTRAINT proposals_proposal_key UNIQUE (proposal),
    FOREIGN KEY (run_id) REFERENCES runs (run_id)
){strict};
CREATE TABLE policies (
    run_id {integer} NOT NULL,
    ordinal {integer} NOT NULL,
    site TEXT NOT NULL,
    sku TEXT NOT NULL,
    supplier TEXT NOT NULL,
    on_hand_units {integer} NOT NULL,
    on_order_units {integer} NOT NULL,
    backordered_units {integer} NOT NULL,
    reorder_point_units {integer} NOT NULL,
    order_up_to_units {integer} NOT NULL,
    previous_reorder_point_units {integer} NOT NULL,
    previous_order_up_to_units {integer} NOT NULL,
    change TEXT NOT NULL,
    gain_cents {integer} NOT NULL,
    gain_low_cents {integer} NOT NULL,
    gain_high_cents {integer} NOT NULL,
    reason TEXT NOT NULL,
    PRIMARY KEY (run_id, ordinal),
    CONSTRAINT policies_on_hand_units_check CHECK (on_hand_units >= 0),
    CONSTRAINT policies_on_order_units_check CHECK (on_order_units >= 0),
    CONSTRAINT policies_backordered_units_check CHECK (backordered_units >= 0),
    CONSTRAINT policies_change_check CHECK (change IN ('kept', 'new', 'raised', 'lowered', 'refused')),
    FOREIGN KEY (run_id) REFERENCES runs (run_id)
){strict};
CREATE TABLE forecasts (
    run_id {integer} NOT NULL,
    ordinal {integer} NOT NULL,
    site TEXT NOT NULL,
    sku TEXT NOT NULL,
    demand_class TEXT NOT NULL,
    method TEXT NOT NULL,
    mean_units_per_day {real} NOT NULL,
    protection_days {real} NOT NULL,
    protection_mean_units {real} NOT NULL,
    protection_p10_units {integer} NOT NULL,
    protection_p50_units {integer} NOT NULL,
    protection_p90_units {integer} NOT NULL,
    PRIMARY KEY (run_id, ordinal),
    CONSTRAINT forecasts_mean_units_per_day_check CHECK (mean_units_per_day BETWEEN -1e300 AND 1e300),
    CONSTRAINT forecasts_protection_days_check CHECK (protection_days BETWEEN -1e300 AND 1e300),
    CONSTRAINT forecasts_protection_mean_units_check CHECK (protection_mean_units BETWEEN -1e300 AND 1e300),
    FOREIGN KEY (run_id) REFERENCES runs (run_id)
){strict};
INSERT INTO schema_version VALUES (1, '2026-11-20T02:00:00+00:00');
INSERT INTO runs VALUES
    (1, '2026-11-20', 'corner shop', 'all', 1, 'superseded', 'ok', 'day one', 'a test', '[]', '{{}}',
     '2026-11-20--corner-shop-da97360b--all--1', '2026-11-20T02:00:00+00:00'),
    (2, '2026-11-20', 'corner shop', 'all', 2, 'done', 'ok', 'day one, mended', 'a test', '[]', '{{"gap": 0.25}}',
     '2026-11-20--corner-shop-da97360b--all--2', '2026-11-20T03:00:00+00:00'),
    (3, '2026-11-21', 'corner shop', 'all', 1, 'rejected', 'ok', 'day two', 'a test',
     '[{{"name": "mood", "passed": false, "reason": "a bad day", "measured": 1.0, "limit": 0.0}}]', '{{}}',
     'rejected/2026-11-21--corner-shop-da97360b--all--1', '2026-11-21T02:00:00+00:00');
INSERT INTO outbox VALUES
    (1, 0, 'proposals.csv', '', 1, 'unknown', 0),
    (1, 1, 'manifest.json', '', 1, 'unknown', 0),
    (2, 0, 'proposals.csv', '', 0, '', 0),
    (2, 1, 'proposals.parquet', '', 0, '', 0),
    (2, 2, 'summary.html', '<h1>the night of the twentieth</h1>', 0, '', 0),
    (2, 3, 'manifest.json', '', 0, '', 0),
    (3, 0, 'manifest.json', '', 1, 'unknown', 0);
INSERT INTO purchase_orders VALUES
    (1, 0, 'PO-1', 'birch', 'north', 1, 88, 8800, 0, 0, 0, 0, 0, 0, '2026-11-23', 'first try'),
    (2, 0, 'PO-2', 'birch', 'north', 1, 90, 9000, 0, 0, 0, 0, 0, 0, '2026-11-23', 'second try'),
    (3, 0, 'PO-3', 'birch', 'north', 1, 5, 500, 0, 0, 0, 0, 0, 0, '2026-11-24', 'refused');
INSERT INTO proposals VALUES
    (1, 0, 'P-1', 'PO-1', 'birch', 'north', 'sku,00', 88, 100, 8800, 10, 0, 0, 0, 100, '2026-11-23', 5, 1, 'first try'),
    (2, 0, 'P-2', 'PO-2', 'birch', 'north', 'sku,00', 90, 100, 9000, 10, 0, 0, 0, 100, '2026-11-23', 5, 1, 'second try'),
    (3, 0, 'P-3', 'PO-3', 'birch', 'north', 'sku,00', 5, 100, 500, 5, 90, 0, 0, 100, '2026-11-24', 5, 1, 'refused');
INSERT INTO policies VALUES
    (2, 0, 'north', 'sku,00', 'birch', 10, 0, 0, 40, 100, 0, 0, 'new', 0, 0, 0, 'first night');
INSERT INTO forecasts VALUES
    (2, 0, 'north', 'sku,00', 'smooth', 'poisson', 0.1, 3.3, 0.33, 0, 0, 1);
