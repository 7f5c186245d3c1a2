UPDATE /* mark_not_known */
-- Marks the candidates whom their instance does not know: no contact of its account, as its contacts were last read, and
-- nobody who wrote to it first. Where the instance is not known yet, one of %(lanes)s is enough.
candidates
SET reason = 'not_known'
WHERE reason IS NULL AND NOT EXISTS (
    SELECT
    FROM instances i
    JOIN known_phones k ON k.account_id = i.account_id AND k.phone = candidates.phone
    WHERE i.id = candidates.lane_id OR (candidates.lane_id IS NULL AND i.id = ANY (%(lanes)s::integer[]))
)
