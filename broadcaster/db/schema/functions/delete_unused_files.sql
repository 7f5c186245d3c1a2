-- Deletes those of these contents that are files which nothing sends any more. The caller holds the lock of
-- hold_off_forgetting.sql alone: whoever stores a content shares it, and may have found one of them.
CREATE FUNCTION delete_unused_files(candidates bigint[]) RETURNS void LANGUAGE sql
SET search_path = pg_catalog, public, pg_temp AS $$
    DELETE FROM contents k
    WHERE k.id = ANY(candidates)
        AND k.kind = 'file'
        AND NOT EXISTS (SELECT FROM campaign_files f WHERE f.content_id = k.id)
        AND NOT EXISTS (SELECT FROM content_versions v WHERE v.content_id = k.id)
        AND NOT EXISTS (SELECT FROM schedules s WHERE s.content_id = k.id)
$$;

REVOKE ALL ON FUNCTION delete_unused_files(bigint[]) FROM PUBLIC;
