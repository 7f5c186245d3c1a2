-- Forgetting a person (docs/personal-data.md): everything of one number goes, in one transaction, and what is left is a
-- keyed hash by which it is known again. Evidence is nobody's to change but the owner's, so this function runs as that.
--
-- Forgets whose number this is, and returns what there was of it. `numbers` are all under which WhatsApp may keep the
-- person, in E.164 digits, her own one first, each with its digest. `held_by` is the campaign of a message
-- that is on its way to it: one that is being sent right now, or, until `held_until`, one of which nobody knows whether
-- the gateway still hands it on. Then nothing is changed: somebody who was forgotten gets no message any more.
-- Nobody takes the number in meanwhile: whoever stores recipients holds the same lock, and has looked at the digests.
-- The trail gets one note of each call that changed something, also where no operator is known, and none of each campaign.
CREATE FUNCTION forget_phone(numbers text[], digests bytea[], ending bytea)
RETURNS TABLE (
    held_by text, held_until timestamptz, messages jsonb, members bigint, rejected bigint, opt_outs bigint,
    consents bigint, replies bigint
) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET lock_timeout = '10s' SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    operator CONSTANT text := coalesce(current_setting('broadcaster.operator', true), '');
    digits CONSTANT text := numbers[1];
    theirs message_key[];
    was_known boolean;
    files bigint[];
BEGIN
    IF (
        SELECT count(*) > 0 AND bool_and(number ~ '^[0-9]{7,15}$' AND length(digest) = 32) AND length(ending) = 32
        FROM unnest(numbers, digests) AS each (number, digest)
    ) IS NOT TRUE THEN
        RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'not the digits of a number and its digests';
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
            WHERE segment = c.segment AND campaign_id = c.id AND phone = ANY (numbers)
            FOR UPDATE
        ) m
    ) t;
    IF held_by IS NULL THEN
        SELECT c.name, d.ended_at INTO held_by, held_until
        FROM unnest(theirs) t
        JOIN doubts d ON d.segment = t.segment AND d.campaign_id = t.campaign_id AND d.seq = t.seq
        JOIN campaigns c ON c.id = d.campaign_id
        WHERE d.ended_at > now() AND d.resolved_as IS DISTINCT FROM 'found'
        ORDER BY d.ended_at DESC
        LIMIT 1;
    END IF;
    IF held_by IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM set_config('broadcaster.operator', '', true);
    INSERT INTO forgotten_phones (digest, ending) VALUES (digests[1], forget_phone.ending) ON CONFLICT DO NOTHING;
    was_known := NOT FOUND;
    INSERT INTO forgotten_phones (digest, ending, form_of)
    SELECT form, forget_phone.ending, digests[1] FROM unnest(digests[2:]) form
    ON CONFLICT DO NOTHING;
    -- Whoever of them had a file of her own; it is deleted when she was the last one who gets it.
    UPDATE campaign_files f
    SET messages = f.messages - 1
    FROM unnest(theirs) t
    JOIN campaigns c ON c.id = t.campaign_id
    JOIN messages m ON m.segment = t.segment AND m.campaign_id = t.campaign_id AND m.seq = t.seq
    WHERE f.campaign_id = c.id AND f.path = m.variables ->> c.file_column;
    WITH gone AS (
        DELETE FROM campaign_files f
        USING unnest(theirs) t
        WHERE f.campaign_id = t.campaign_id AND f.messages = 0
        RETURNING f.content_id
    )
    SELECT array_agg(content_id) INTO files FROM gone;
    PERFORM delete_unused_files(files);
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
            recipient_group = 0,
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
        WHERE m.audience_id = a.id AND m.phone = ANY (numbers)
        RETURNING 1
    )
    SELECT count(*) INTO members FROM gone;
    WITH gone AS (
        DELETE FROM rejected_recipients r WHERE spells(r.phone, digits) RETURNING 1
    )
    SELECT count(*) INTO rejected FROM gone;
    -- Her opt-outs hold by the digest alone. One that is also another person's, by an old number, is left to that one.
    WITH hers AS (
        UPDATE opt_outs o
        SET phone = NULL, forms = '{}', words = NULL, ended_words = NULL, digest = digests[1]
        WHERE o.forms <@ numbers
            AND ((o.phone = ANY (numbers) AND o.ended_at IS NULL) OR (o.phone = ANY (numbers) AND o.ended_at IS NOT NULL))
        RETURNING 1
    )
    SELECT count(*) INTO opt_outs FROM hers;
    UPDATE confirmed_opt_outs SET phone = NULL, digest = digests[1] WHERE phone = ANY (numbers);
    -- Who is taken in again has to agree anew.
    WITH gone AS (
        DELETE FROM consent_records r WHERE r.phone = ANY (numbers) RETURNING 1
    )
    SELECT count(*) INTO consents FROM gone;
    WITH hers AS (
        UPDATE inbound_messages
        SET identity = sha256(gen_random_uuid()::text::bytea), gateway_id = NULL, chat = NULL, phone = NULL, body = NULL
        WHERE phone = ANY (numbers) OR (chat = ANY (numbers) AND chat IS NOT NULL)
        RETURNING 1
    )
    SELECT count(*) INTO replies FROM hers;
    DELETE FROM inbox_chats WHERE chat = ANY (numbers);
    DELETE FROM known_phones WHERE phone = ANY (numbers);
    DELETE FROM messaged_phones WHERE phone = ANY (numbers);
    DELETE FROM receivers WHERE way = 'whatsapp' AND address = ANY (numbers);
    UPDATE lanes SET health_reason = without_numbers(health_reason) WHERE mentions(health_reason, digits);
    UPDATE campaigns SET state_reason = without_numbers(state_reason) WHERE mentions(state_reason, digits);
    UPDATE occurrences SET reason = without_numbers(reason) WHERE mentions(reason, digits);
    UPDATE settlements SET reason = without_numbers(reason) WHERE mentions(reason, digits);
    UPDATE doubts SET reading = without_numbers(reading) WHERE mentions(reading, digits);
    -- Doubts of which no message is known.
    UPDATE doubts
    SET
        phone = NULL,
        reading = NULL,
        resolved_as = coalesce(resolved_as, 'unknown'),
        resolved_at = coalesce(resolved_at, now())
    WHERE phone = ANY (numbers);
    PERFORM set_config('broadcaster.operator', operator, true);
    IF NOT was_known OR messages <> '{}' OR members + rejected + opt_outs + consents + replies > 0 THEN
        PERFORM write_audit('phone', left(encode(digests[1], 'hex'), 12), 'noted', NULL, jsonb_build_object(
            'messages', messages, 'members', members, 'rejected', rejected, 'opt_outs', opt_outs, 'consents', consents,
            'replies', replies
        ));
    END IF;
    RETURN NEXT;
END
$$;

REVOKE ALL ON FUNCTION forget_phone(text[], bytea[], bytea) FROM PUBLIC;
