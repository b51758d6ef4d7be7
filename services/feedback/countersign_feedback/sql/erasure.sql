-- Of a case there are its id and numbers, which stay. What became of it is told in upstream's words, and goes.

-- name: erase_outcomes
DELETE FROM outcomes WHERE tenant = $1 AND case_id = $2;
