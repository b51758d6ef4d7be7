-- A day may be counted again: under a clock that ran ahead, days are counted that have not come yet.
ALTER TABLE reconciled DROP CONSTRAINT reconciled_pkey, ADD PRIMARY KEY (day, reconciled_at);
