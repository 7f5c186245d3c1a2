-- Why a campaign stays as it is, in words; null: it may be purged. What ended within the last day stays whatever the
-- caller says: who has the runtime role's password does not wipe out what happened today. The segment is checked: a
-- campaign takes no other one's partition with it.
-- What was sent explains entries of chats, and without it a message in doubt could be taken for sent. So a campaign
-- stays while anything is in doubt that was sent before this one's last day was over.
CREATE FUNCTION kept_because(campaign bigint, older_than interval) RETURNS text LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT CASE
        WHEN c.finished_at IS NULL THEN format(
            'it is %s, and was created on %s%s', c.state, to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'),
            CASE c.state WHEN 'draft' THEN ': start or cancel it' WHEN 'paused' THEN ': resume or cancel it' ELSE '' END
        )
        WHEN c.finished_at > now() - greatest(older_than, interval '1 day') THEN
            format('it is %s only since %s UTC', c.state, to_char(c.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'))
        WHEN c.segment NOT IN (0, c.id) THEN format('it is said to be in segment %s, which is not its own', c.segment)
        WHEN EXISTS (
            SELECT FROM campaign_lanes cl
            WHERE cl.campaign_id = c.id AND cl.pending + cl.sending + cl.in_doubt > 0
        ) THEN 'it has messages that are not final'
        ELSE (
            SELECT format('a message of campaign %s is in doubt, and what this one sent may explain its chat', other.name)
            FROM doubts d
            JOIN attempts a -- a doubt of none is none
                ON a.segment = d.segment AND a.campaign_id = d.campaign_id AND a.seq = d.seq AND a.attempt = d.attempt
            JOIN campaigns other ON other.id = d.campaign_id
            WHERE d.resolved_as IS NULL
                AND (d.campaign_id = c.id OR d.started_at <= c.finished_at + interval '1 day')
            LIMIT 1
        )
    END
    FROM campaigns c
    WHERE c.id = campaign
$$;
