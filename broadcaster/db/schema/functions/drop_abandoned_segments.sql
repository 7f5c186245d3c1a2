-- Segments are attached by the transaction that makes them. So one that others see and that is no partition belongs to
-- nobody: whoever has the runtime role's password may leave such ones behind. Drops them, or that of one campaign.
CREATE FUNCTION drop_abandoned_segments(campaign bigint DEFAULT NULL) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    abandoned name;
BEGIN
    FOR abandoned IN
        SELECT c.relname
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
            AND CASE
                WHEN campaign IS NULL THEN c.relname ~ '^(messages|attempts)_[1-9][0-9]*$'
                ELSE c.relname IN ('messages_' || campaign, 'attempts_' || campaign)
            END
            AND c.xmin <> coalesce(pg_current_xact_id_if_assigned()::xid, '0')
            AND c.relowner = (SELECT relowner FROM pg_class WHERE oid = 'messages'::regclass)
    LOOP
        EXECUTE format('DROP TABLE public.%I', abandoned);
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION drop_abandoned_segments(bigint) FROM PUBLIC;
