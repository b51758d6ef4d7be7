-- How long somebody wants to be able to undo at the least; null: as the policy says.
ALTER TABLE users ADD COLUMN undo_seconds smallint CHECK (undo_seconds BETWEEN 0 AND 60);
