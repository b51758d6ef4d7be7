-- How long the log was at a time: a search from then on begins there.
CREATE INDEX checkpoints_signed_at ON checkpoints (signed_at);
