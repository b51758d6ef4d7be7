-- name: note_person
-- What an activity does not name stays as it was; an older activity changes nothing.
INSERT INTO people (pseudonym, roles, tenants, disabled, sequence, noted_at)
VALUES ($1, $2, $3, coalesce($4, false), $5, $6)
ON CONFLICT (pseudonym) DO UPDATE
SET roles = coalesce(excluded.roles, people.roles), tenants = coalesce(excluded.tenants, people.tenants),
    disabled = coalesce($4, people.disabled), sequence = excluded.sequence, noted_at = excluded.noted_at
WHERE people.sequence < excluded.sequence
RETURNING pseudonym;

-- name: find_people
SELECT pseudonym, roles, tenants, disabled FROM people WHERE pseudonym = ANY ($1::text[]);

-- name: hold_people
-- Held until the change has committed: nobody loses a role in the middle of it.
SELECT pseudonym, roles, tenants, disabled FROM people WHERE pseudonym = ANY ($1::text[])
ORDER BY pseudonym FOR SHARE;
