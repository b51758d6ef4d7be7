-- What the log says about itself: its beginning, its keys, its recoveries. Read at every start.
CREATE INDEX entries_own ON entries (index) WHERE kind IN ('log.genesis', 'log.key_rotated', 'log.recovered');
