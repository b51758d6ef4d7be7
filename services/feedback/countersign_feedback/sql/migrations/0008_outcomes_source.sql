-- Ids are unique per source, and two tenants' systems may both count from 1. Rows of before name no source.
ALTER TABLE outcomes ADD COLUMN event_source text NOT NULL DEFAULT '';
ALTER TABLE outcomes DROP CONSTRAINT outcomes_pkey;
ALTER TABLE outcomes ADD PRIMARY KEY (tenant, case_id, event_id, event_source);
DROP INDEX outcomes_case;
