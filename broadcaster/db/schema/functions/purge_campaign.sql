-- What is personal of a campaign goes, and what proves that its books balanced stays (docs/decisions/0019-purging.md).
-- Commands and workers may not delete evidence. So this runs as the owner of the schema, and refuses whatever may be
-- wanted yet. Temporary tables of the caller's stand for none of its tables.
--
-- Deletes what is personal of a campaign that has been final for so long, and returns the proof that stays; nothing
-- where that was done before. Refuses what `kept_because` says, and a campaign whose counters differ from a recount.
-- Nobody changes its messages meanwhile: whoever does holds the campaign or writes its counters, which are locked.
-- It waits for no lock for longer than others can wait behind it: the caller tries again.
CREATE FUNCTION purge_campaign(campaign bigint, older_than interval) RETURNS SETOF purges LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '250ms' AS $$
DECLARE
    purged campaigns;
    proof purges;
    refusal text;
    miscounted text;
    files bigint[];
BEGIN
    -- Before anything else is locked, in the order of those who forget somebody and of those who store a content.
    IF EXISTS (SELECT FROM campaign_files f WHERE f.campaign_id = campaign) THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('forgotten_phones', 0));
    END IF;
    SELECT * INTO purged FROM campaigns c WHERE c.id = campaign FOR NO KEY UPDATE;
    IF purged.purged_at IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM FROM campaign_lanes cl WHERE cl.campaign_id = campaign ORDER BY cl.lane_id FOR UPDATE;
    refusal := CASE WHEN purged.id IS NULL THEN 'there is none' ELSE kept_because(campaign, older_than) END;
    IF refusal IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = format('campaign %s stays: %s', coalesce(purged.name, campaign::text, 'null'), refusal),
            DETAIL = refusal;
    END IF;

    WITH counted AS MATERIALIZED (
        SELECT m.lane_id, m.state, count(*) AS n
        FROM messages m
        WHERE m.segment = purged.segment AND m.campaign_id = campaign
        GROUP BY m.lane_id, m.state
    ), kept AS (
        SELECT cl.lane_id, each.state, (to_jsonb(cl) ->> each.state::text)::bigint AS n
        FROM campaign_lanes cl
        CROSS JOIN unnest(enum_range(NULL::message_state)) AS each (state)
        WHERE cl.campaign_id = campaign
    )
    SELECT
        (
            SELECT coalesce(jsonb_object_agg(state, n), '{}')
            FROM (SELECT state, sum(n) AS n FROM counted GROUP BY state) by_state
        ),
        (
            SELECT format(
                'instance %s keeps %s %s, a recount says %s',
                (SELECT i.name FROM instances i WHERE i.id = lane_id), coalesce(kept.n, 0), state, coalesce(counted.n, 0)
            )
            FROM kept
            FULL JOIN counted USING (lane_id, state)
            WHERE coalesce(kept.n, 0) <> coalesce(counted.n, 0)
            ORDER BY lane_id, state
            LIMIT 1
        )
    INTO proof.messages, miscounted;
    IF miscounted IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'data_corrupted', MESSAGE = format('campaign %s stays: %s', purged.name, miscounted),
            DETAIL = miscounted;
    END IF;
    SELECT coalesce(jsonb_object_agg(outcome, n), '{}') INTO proof.attempts
    FROM (
        SELECT a.outcome, count(*) AS n
        FROM attempts a
        WHERE a.segment = purged.segment AND a.campaign_id = campaign
        GROUP BY a.outcome
    ) by_outcome;
    SELECT count(*) INTO proof.accepted_more_than_once
    FROM (
        SELECT FROM attempts a
        WHERE a.segment = purged.segment AND a.campaign_id = campaign AND a.outcome = 'accepted'
        GROUP BY a.seq
        HAVING count(*) > 1
    ) doubled;

    -- Of the shared partition itself: the trigger of `messages` does not see these go, and the counters stay.
    IF purged.segment = 0 THEN
        DELETE FROM messages_0 m WHERE m.segment = 0 AND m.campaign_id = campaign;
        DELETE FROM attempts_0 a WHERE a.segment = 0 AND a.campaign_id = campaign;
    END IF;
    WITH gone AS (
        DELETE FROM doubts d WHERE d.segment = purged.segment AND d.campaign_id = campaign RETURNING d.resolved_as
    )
    SELECT coalesce(jsonb_object_agg(coalesce(resolved_as::text, 'of no attempt'), n), '{}') INTO proof.doubts
    FROM (SELECT resolved_as, count(*) AS n FROM gone GROUP BY resolved_as) by_resolution;
    -- What was written lately is known by its identity for as long as its chat may be read again.
    UPDATE inbound_messages r
    SET
        identity = CASE
            WHEN r.noted_at < now() - interval '8 days' THEN sha256(gen_random_uuid()::text::bytea)
            ELSE r.identity
        END,
        gateway_id = NULL, chat = NULL, phone = NULL, body = NULL
    WHERE r.campaign_id = campaign;
    DELETE FROM rejected_recipients r WHERE r.campaign_id = campaign;
    GET DIAGNOSTICS proof.rejected_recipients = ROW_COUNT;
    WITH gone AS (
        DELETE FROM campaign_files f WHERE f.campaign_id = campaign RETURNING f.content_id
    )
    SELECT array_agg(content_id) INTO files FROM gone;
    PERFORM delete_unused_files(files);
    DELETE FROM looks l WHERE l.segment = purged.segment AND l.campaign_id = campaign;
    UPDATE settlements s SET reason = NULL WHERE s.campaign_id = campaign AND s.reason IS NOT NULL;
    UPDATE campaigns c SET purged_at = now(), variables = NULL, audience_filter = NULL WHERE c.id = campaign;
    PERFORM note_operation('campaign', purged.name, jsonb_build_object('purged', jsonb_build_object(
        'messages', proof.messages, 'attempts', proof.attempts, 'rejected_recipients', proof.rejected_recipients
    )));
    -- Last, since nobody reads or writes messages from here until the commit.
    IF purged.segment <> 0 THEN
        EXECUTE format('DROP TABLE IF EXISTS public.messages_%1$s, public.attempts_%1$s', campaign);
    END IF;
    RETURN QUERY
        INSERT INTO purges (
            campaign_id, operator, messages, attempts, doubts, rejected_recipients, accepted_more_than_once
        ) VALUES (
            campaign, left(coalesce(nullif(current_setting('broadcaster.operator', true), ''), 'schedule'), 200),
            proof.messages, proof.attempts, proof.doubts, proof.rejected_recipients, proof.accepted_more_than_once
        )
        RETURNING *;
END
$$;

REVOKE ALL ON FUNCTION purge_campaign(bigint, interval) FROM PUBLIC;
