UPDATE /* end_leases */
-- Ends the leases of workers that are known to have ended, rather than wait until they run out.
lanes
SET lease_expires_at = now()
WHERE id IN (
    SELECT id
    FROM lanes
    WHERE lease_holder = ANY (%(holders)s) AND lease_expires_at > now()
    ORDER BY id
    FOR NO KEY UPDATE
)
