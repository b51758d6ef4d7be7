-- Looking for entries: by actor, by subject, by time, and for who looked.
-- Each leaves out what nobody looks for, so that adding entries stays cheap: docs/adr/0044.

CREATE INDEX entries_actor ON entries (actor, index) WHERE actor IS NOT NULL;
CREATE INDEX entries_access ON entries (index) WHERE kind IN ('audit.read', 'audit.exported');
-- Entries come nearly in the order of their time, so a range of pages is summed up by a few limits; more than
-- one pair of them, because a producer's clock may be years ahead.
CREATE INDEX entries_occurred_at ON entries USING brin (occurred_at timestamptz_minmax_multi_ops)
    WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX data_keys_subject ON data_keys (subject) WHERE subject IS NOT NULL;
