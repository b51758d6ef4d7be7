SELECT set_config('search_path', current_schema() || ', pg_temp', true);

-- Sums up the pages that entries were added to, so that a search by time need not read them; returns how many ranges of
-- pages. PostgreSQL does so by itself for those that it has room to remember: where many fill up at once, it forgets most.
CREATE FUNCTION sum_up_pages() RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    part   regclass;
    summed bigint := 0;
BEGIN
    -- Of the partitions those that entries are added to, or were lately.
    FOR part IN SELECT to_regclass('entries_' || first) FROM partitions
        WHERE first <= coalesce((SELECT max(index) FROM entries), 0) ORDER BY first DESC LIMIT 2
    LOOP
        BEGIN
            -- A vacuum sums up as well: it is neither waited for nor, as whoever waits for it would do, ended.
            EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE NOWAIT', part);
        EXCEPTION WHEN lock_not_available THEN
            CONTINUE;
        END;
        summed := summed + (
            SELECT coalesce(sum(brin_summarize_new_values(i.indexrelid)), 0)
            FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_am AS a ON a.oid = c.relam
            WHERE i.indrelid = part AND a.amname = 'brin');
    END LOOP;
    RETURN summed;
END
$$;
REVOKE ALL ON FUNCTION sum_up_pages() FROM PUBLIC;
