-- A case has few reviews: those that are open are found among all of them.
DROP INDEX reviews_open;

-- Of the tenants whose worst waiting consequence is the worst of all, the one that fewest people work for. The tenants
-- are found by leaps along the index, not by reading every waiting row.
CREATE FUNCTION tenant_in_turn(u users, scope text[], of_queue text, moment timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
    WITH RECURSIVE leaps AS (
        (SELECT r.tenant FROM reviews AS r WHERE r.queue = of_queue AND r.state = 'waiting' ORDER BY r.tenant LIMIT 1)
        UNION ALL
        SELECT (SELECT r.tenant FROM reviews AS r
                WHERE r.queue = of_queue AND r.state = 'waiting' AND r.tenant > leaps.tenant ORDER BY r.tenant LIMIT 1)
        FROM leaps WHERE leaps.tenant IS NOT NULL
    )
    SELECT l.tenant FROM leaps AS l
    CROSS JOIN LATERAL (
        SELECT r.tier_rank FROM reviews AS r
        WHERE r.queue = of_queue AND r.tenant = l.tenant AND r.state = 'waiting' AND eligible(u, r)
          AND NOT EXISTS (SELECT FROM skips AS s WHERE s.reviewer = u.pseudonym
                          AND s.review_id = r.review_id AND s.until > moment)
        ORDER BY r.tier_rank DESC LIMIT 1
    ) AS worst
    WHERE '*' = ANY (scope) OR l.tenant = ANY (scope)
    ORDER BY worst.tier_rank DESC,
             (SELECT count(*) FROM reviews AS h
              WHERE h.queue = of_queue AND h.tenant = l.tenant AND h.state IN ('claimed', 'revealed')),
             l.tenant
    LIMIT 1
$$;

-- Who gets what next, for several people in one round trip. `usernames`, `scopes` (tenants with a unit separator between
-- them), `queues`, `by_consequence` and `only_tenants` say who asks for work of which queue, in whose name, and whether
-- that queue is in overload, with one tenant's work or several's. Nobody takes a review beyond `most`.
-- The reviews are claimed in the caller's transaction and their cases numbered; `held` is null for nobody's name, and what
-- somebody holds where there is no review for them. The row of each person is locked, people and cases in the order in
-- which everybody locks them; what another transaction is taking is passed over.
-- Plans are made once a connection: planning anew took more of a claim than carrying it out. Such a plan would be poor
-- where the tables were small when it was made, so it is told to go by the indexes whatever they hold.
CREATE FUNCTION take_next(
    usernames text[], scopes text[], queues text[], by_consequence boolean[], only_tenants text[], most integer,
    moment timestamptz
) RETURNS TABLE (
    place integer, held integer, review reviews, number integer, destination integer, arrival bigint, body bytea,
    routed_event_id text
) LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET enable_sort = off SET enable_hashjoin = off
AS $$
DECLARE
    u users;
    one record;
    turn text;
    scope text[];
    found text;
    places integer[] := '{}';
    takers text[] := '{}';
    taken text[] := '{}';
BEGIN
    FOR asker IN 1 .. cardinality(usernames) LOOP
        place := asker;
        SELECT k.* INTO u FROM users AS k
        WHERE k.username = usernames[place] AND k.disabled_at IS NULL FOR NO KEY UPDATE;
        held := NULL;
        found := NULL;
        scope := string_to_array(scopes[place], E'\x1f');
        IF u.username IS NOT NULL THEN
            -- A statement of its own: within the one that waits for the lock, a count would see the time before the wait.
            SELECT count(*) INTO held FROM claims AS c
            WHERE c.reviewer = u.pseudonym AND c.state = 'held' AND c.lease_expires_at > moment;
            held := held + cardinality(array_positions(takers, u.username));
        END IF;
        IF held < most AND trained(u, moment) THEN
            IF by_consequence[place] THEN
                turn := coalesce(only_tenants[place], tenant_in_turn(u, scope, queues[place], moment));
                SELECT k.review_id INTO found FROM reviews AS k
                WHERE k.queue = queues[place] AND k.tenant = turn AND k.state = 'waiting' AND eligible(u, k)
                  AND ('*' = ANY (scope) OR k.tenant = ANY (scope))
                  AND NOT EXISTS (SELECT FROM skips AS s WHERE s.reviewer = u.pseudonym
                                  AND s.review_id = k.review_id AND s.until > moment)
                ORDER BY k.tier_rank DESC, k.due_minute, k.priority DESC, k.review_id
                LIMIT 1 FOR UPDATE OF k SKIP LOCKED;
            END IF;
            IF found IS NULL THEN
                SELECT k.review_id INTO found FROM reviews AS k
                WHERE k.queue = queues[place] AND k.state = 'waiting' AND eligible(u, k)
                  AND ('*' = ANY (scope) OR k.tenant = ANY (scope))
                  AND NOT EXISTS (SELECT FROM skips AS s WHERE s.reviewer = u.pseudonym
                                  AND s.review_id = k.review_id AND s.until > moment)
                ORDER BY k.due_minute, k.tier_rank DESC, k.priority DESC, k.review_id
                LIMIT 1 FOR UPDATE OF k SKIP LOCKED;
            END IF;
        END IF;
        IF found IS NULL THEN
            RETURN NEXT;
        ELSE
            UPDATE reviews AS k SET state = 'claimed' WHERE k.review_id = found;
            places := places || place;
            takers := takers || u.username;
            taken := taken || found;
        END IF;
    END LOOP;
    held := NULL;
    FOR one IN
        SELECT t.place, t.review_id FROM unnest(places, taken) AS t (place, review_id) JOIN reviews AS k USING (review_id)
        ORDER BY k.tenant COLLATE "C", k.case_id COLLATE "C"
    LOOP
        place := one.place;
        SELECT k.* INTO review FROM reviews AS k WHERE k.review_id = one.review_id;
        UPDATE case_counters AS k SET next = k.next + 1
        WHERE k.tenant = review.tenant AND k.case_id = review.case_id
        RETURNING k.next - 1, k.partition INTO number, destination;
        SELECT k.arrival, k.body, k.event_id INTO arrival, body, routed_event_id FROM cases AS k
        WHERE k.tenant = review.tenant AND k.case_id = review.case_id;
        RETURN NEXT;
    END LOOP;
END
$$;
