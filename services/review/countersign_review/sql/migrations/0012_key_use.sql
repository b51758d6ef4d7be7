-- When a key was last used, to some minutes; null: not since this is noted.
ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz;
