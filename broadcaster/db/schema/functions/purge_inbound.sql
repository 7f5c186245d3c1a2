-- What is personal of messages that were taken in so long ago, and belong to no campaign, goes; the rows stay. So does it
-- that their writers are known. At least
-- eight days, for which a chat may be read again, are kept. Commands and workers may not change what people wrote, so this
-- runs as the owner. Returns how many there were; at most so many at once.
CREATE FUNCTION purge_inbound(older_than interval, most integer) RETURNS bigint LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '250ms' AS $$
DECLARE
    purged bigint;
BEGIN
    UPDATE inbound_messages r
    SET identity = sha256(gen_random_uuid()::text::bytea), gateway_id = NULL, chat = NULL, phone = NULL, body = NULL
    WHERE r.id IN (
        SELECT i.id
        FROM inbound_messages i
        WHERE i.campaign_id IS NULL AND i.noted_at < now() - greatest(older_than, interval '8 days')
            AND i.chat IS NOT NULL
        ORDER BY i.id
        LIMIT most
    );
    GET DIAGNOSTICS purged = ROW_COUNT;
    DELETE FROM known_phones k
    WHERE NOT k.is_contact AND k.noted_at < now() - greatest(older_than, interval '8 days');
    RETURN purged;
END
$$;

REVOKE ALL ON FUNCTION purge_inbound(interval, integer) FROM PUBLIC;
