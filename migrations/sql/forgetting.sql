-- Forgetting a person (docs/personal-data.md): everything of one number goes, in one transaction, and what is left is a
-- keyed hash by which it is known again. Evidence is nobody's to change but the owner's, so this function runs as that.

CREATE TYPE message_key AS (segment bigint, campaign_id bigint, seq integer);

-- Whether the text speaks of the number, however it is written: national numbers have its last eight digits.
CREATE FUNCTION mentions(value text, number text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN position(
    right(number, 8) IN regexp_replace(
        translate(
            value, '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९০১২৩৪৫৬৭৮৯０１２３４５６７８９', repeat('0123456789', 5)
        ),
        '[^0-9]', '', 'g'
    )
) > 0;

-- Postgres keeps samples of columns, which whoever may read a table may read too.
CREATE FUNCTION forget_samples(number text) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    sampled record;
BEGIN
    FOR sampled IN
        SELECT tablename, string_agg(DISTINCT quote_ident(attname), ', ') AS columns
        FROM pg_stats
        WHERE schemaname = 'public'
            AND mentions(concat(most_common_vals::text, ' ', histogram_bounds::text), number)
        GROUP BY tablename
    LOOP
        EXECUTE format('ANALYZE public.%I (%s)', sampled.tablename, sampled.columns);
    END LOOP;
END
$$;

-- Forgets whose number this is, in E.164 digits, and returns what there was of it. `held_by` is the campaign of a message
-- that is being sent to it right now: then nothing is changed, and nobody can say yet what becomes of it.
-- Nobody takes the number in meanwhile: whoever stores recipients holds the same lock, and has looked at the digests.
-- The session's operator is not known in here: the trail gets one note, from the caller, and none of each campaign.
CREATE FUNCTION forget_phone(digits text, digest bytea)
RETURNS TABLE (held_by text, messages jsonb, members bigint, rejected bigint) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '10s' SET broadcaster.operator = '' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    theirs message_key[];
BEGIN
    IF (digits ~ '^[0-9]{7,15}$' AND length(digest) = 32) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'not the digits of a number and its digest';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('forgotten_phones', 0));
    -- By the unique index, campaign by campaign, and locked in this order: from here on nobody claims them.
    SELECT
        array_agg((t.segment, t.campaign_id, t.seq)::message_key),
        (SELECT c.name FROM campaigns c WHERE c.id = min(t.campaign_id) FILTER (WHERE t.state = 'sending'))
    INTO theirs, held_by
    FROM (
        SELECT m.*
        FROM (SELECT id, segment FROM campaigns ORDER BY id) c
        CROSS JOIN LATERAL (
            SELECT segment, campaign_id, seq, state
            FROM messages
            WHERE segment = c.segment AND campaign_id = c.id AND phone = digits
            FOR UPDATE
        ) m
    ) t;
    IF held_by IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    INSERT INTO forgotten_phones (digest) VALUES (forget_phone.digest) ON CONFLICT DO NOTHING;
    WITH was AS MATERIALIZED (
        SELECT m.segment, m.campaign_id, m.seq, m.state
        FROM unnest(theirs) t
        JOIN messages m ON m.segment = t.segment AND m.campaign_id = t.campaign_id AND m.seq = t.seq
    ), moved AS (
        UPDATE messages m
        SET
            state = CASE m.state WHEN 'pending' THEN 'skipped' WHEN 'in_doubt' THEN 'unknown' ELSE m.state END,
            changed_at = CASE WHEN m.state IN ('pending', 'in_doubt') THEN now() ELSE m.changed_at END,
            reason = 'forgotten',
            phone = NULL,
            variables = NULL,
            gateway_id = NULL
        FROM was
        WHERE m.segment = was.segment AND m.campaign_id = was.campaign_id AND m.seq = was.seq
    ), tried AS (
        UPDATE attempts a
        SET reply = NULL, reason = 'forgotten'
        FROM was
        WHERE a.segment = was.segment AND a.campaign_id = was.campaign_id AND a.seq = was.seq
    ), doubted AS (
        UPDATE doubts d
        SET
            phone = NULL,
            reading = NULL,
            resolved_as = coalesce(d.resolved_as, 'unknown'),
            resolved_at = coalesce(d.resolved_at, now())
        FROM was
        WHERE d.segment = was.segment AND d.campaign_id = was.campaign_id AND d.seq = was.seq
    ), settled AS (
        UPDATE settlements s
        SET reason = NULL
        FROM was
        WHERE s.segment = was.segment AND s.campaign_id = was.campaign_id AND s.seq = was.seq
    )
    SELECT coalesce(jsonb_object_agg(state, n), '{}') INTO messages
    FROM (SELECT state, count(*) AS n FROM was GROUP BY state) counted;
    WITH gone AS (
        DELETE FROM audience_members m
        USING audiences a
        WHERE m.audience_id = a.id AND m.phone = digits
        RETURNING 1
    )
    SELECT count(*) INTO members FROM gone;
    WITH gone AS (
        DELETE FROM rejected_recipients r WHERE mentions(r.phone, digits) RETURNING 1
    )
    SELECT count(*) INTO rejected FROM gone;
    UPDATE lanes SET health_reason = without_numbers(health_reason) WHERE mentions(health_reason, digits);
    UPDATE campaigns SET state_reason = without_numbers(state_reason) WHERE mentions(state_reason, digits);
    UPDATE occurrences SET reason = without_numbers(reason) WHERE mentions(reason, digits);
    UPDATE settlements SET reason = without_numbers(reason) WHERE mentions(reason, digits);
    UPDATE doubts SET reading = without_numbers(reading) WHERE mentions(reading, digits);
    PERFORM forget_samples(digits);
    RETURN NEXT;
END
$$;

REVOKE ALL ON FUNCTION forget_phone(text, bytea), forget_samples(text) FROM PUBLIC;
