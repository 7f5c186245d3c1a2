SELECT /* proof_terms */
-- What a proof of a campaign says beside its counters: as of when, what was sent, and what is left where it was purged.
    now() AS as_of,
    c.segment,
    c.file_column,
    (
        SELECT jsonb_agg(
            jsonb_build_object(
                'version', v.version,
                'kind', k.kind,
                'sha256', encode(k.digest, 'hex'),
                'since', v.since,
                'caption_sha256', encode(sha256(convert_to(v.caption, 'UTF8')), 'hex'),
                'filename_sha256', encode(sha256(convert_to(v.filename, 'UTF8')), 'hex')
            )
            ORDER BY v.version
        )
        FROM content_versions v
        JOIN contents k ON k.id = v.content_id
        WHERE v.campaign_id = c.id
    ) AS contents,
    (
        SELECT to_jsonb(p) FROM purges p WHERE p.campaign_id = c.id
    ) - '{campaign_id,operator,rejected_recipients}'::text[] AS remains
FROM campaigns c
WHERE c.id = %(campaign_id)s
