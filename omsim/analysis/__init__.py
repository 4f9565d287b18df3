"""What a run says: KPIs, intervals, figures and the report, all pure functions of records."""
