-- A version of a campaign's content for the trail. Of a file, which of `contents` it is.
CREATE FUNCTION content_for_audit(campaign bigint, number integer) RETURNS jsonb LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT jsonb_strip_nulls(jsonb_build_object(
        'content_version', v.version,
        'content_id', v.content_id,
        k.kind, CASE WHEN k.kind <> 'file' THEN without_numbers(left(convert_from(k.body, 'UTF8'), 200)) END,
        'caption', without_numbers(left(v.caption, 200)),
        'filename', v.filename,
        'locale', v.locale
    ))
    FROM content_versions v
    JOIN contents k ON k.id = v.content_id
    WHERE v.campaign_id = campaign AND v.version = number
$$;

REVOKE ALL ON FUNCTION content_for_audit(bigint, integer) FROM PUBLIC;
