-- Transactions that a person waits for.

-- name: begin
-- Plans are made once a connection: planning anew took more of a claim than carrying it out. Such a plan would be poor
-- where the tables were small when it was made, so it is told to go by the indexes whatever they hold.
BEGIN;
SET LOCAL plan_cache_mode = force_generic_plan;
SET LOCAL enable_seqscan = off;
SET LOCAL enable_sort = off;
SET LOCAL enable_hashjoin = off;

-- name: commit
COMMIT;

-- name: roll_back
ROLLBACK;
