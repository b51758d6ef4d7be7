-- The newest cases that were looked at again, without sorting them all.
CREATE INDEX truths_newest ON truths (tenant, told_at);
