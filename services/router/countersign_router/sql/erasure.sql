-- name: erase_routing
DELETE FROM routings WHERE tenant = $1 AND case_id = $2;

-- name: erase_judgement
-- Without its routing nothing counts it any more.
DELETE FROM judgements WHERE tenant = $1 AND case_id = $2;
