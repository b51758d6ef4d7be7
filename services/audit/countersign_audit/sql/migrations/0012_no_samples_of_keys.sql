-- The planner's statistics would keep wrapped data keys for as long as little changes, erased ones as well. Giving the
-- column its own type again writes no row; it is what removes the samples that are there.
ALTER TABLE data_keys ALTER COLUMN wrapped TYPE bytea, ALTER COLUMN wrapped SET STATISTICS 0;
