-- How long the log was at a time: a search from then on begins there. What stands before it and happened later is found
-- by both at once: pages that hold none of it are left out.
CREATE INDEX checkpoints_signed_at ON checkpoints (signed_at);
DROP INDEX entries_occurred_at;
CREATE INDEX entries_occurred_at ON entries USING brin (occurred_at timestamptz_minmax_multi_ops, index)
    WITH (pages_per_range = 32, autosummarize = on);
