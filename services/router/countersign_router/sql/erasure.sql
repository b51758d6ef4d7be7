-- name: erase_routing
DELETE FROM routings WHERE tenant = $1 AND case_id = $2;
