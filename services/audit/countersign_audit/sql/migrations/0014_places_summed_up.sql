-- What stands early in the log and says that it happened late is found by time and place at once: pages that hold none of
-- it are left out.
DROP INDEX entries_occurred_at;
CREATE INDEX entries_occurred_at ON entries USING brin (occurred_at timestamptz_minmax_multi_ops, index)
    WITH (pages_per_range = 32, autosummarize = on);
