-- Which of the messages that a claim is about to send have to wait until a moment, or are skipped, since their person was
-- messaged as often lately as caps and cooldowns allow, and for which of the two reasons: for none where only another
-- message to that person leaves right now. The other ones count as sent from here on.
--
-- The messages come in the order of their turns: of one person the first of the highest priority has its turn. The claims
-- that are `returned` provably came to nothing: they do not count any more. What is older than `span` does not, either.
--
-- The rows of people are locked in the order of their phones, so that nobody waits in a circle, and what is decided on
-- is each row as it is then: of two claims that meet only one gets the person.
CREATE FUNCTION hold_back(
    asking message_key[], returned person_claim[], span interval, grace interval
)
RETURNS TABLE (
    segment bigint, campaign_id bigint, seq integer, until timestamptz, reason text, skips boolean
) LANGUAGE plpgsql VOLATILE AS $$
#variable_conflict use_column
DECLARE
    beginning CONSTANT timestamptz := now() - span - grace;
    highest CONSTANT smallint := (SELECT max(c.priority) FROM public.campaigns c WHERE c.state = 'running');
    cap_most integer[];
    cap_spans interval[];
BEGIN
    SELECT array_agg(c.most), array_agg(make_interval(secs => c.span_seconds) + grace) INTO cap_most, cap_spans
    FROM public.caps c;
    RETURN QUERY
        WITH met AS MATERIALIZED (
            SELECT
                m.phone COLLATE "C" AS phone, c.segment, c.id AS campaign_id, each.seq, c.priority, each.turn,
                rule.cooldown, rule.is_capped, rule.skips,
                CASE WHEN c.priority < highest AND (rule.cooldown IS NOT NULL OR rule.is_capped AND cap_most IS NOT NULL)
                    THEN public.kept_for_others(m.phone, c.priority)
                END AS kept_until
            FROM unnest(asking) WITH ORDINALITY AS each (segment, campaign_id, seq, turn)
            CROSS JOIN LATERAL ( -- by key, however many campaigns there are
                SELECT * FROM public.campaigns WHERE id = each.campaign_id OFFSET 0
            ) c
            JOIN public.messages m
                ON m.segment = each.segment AND m.campaign_id = each.campaign_id AND m.seq = each.seq
            CROSS JOIN LATERAL ( -- tests, and confirmations of opt-outs, always leave, and count
                SELECT
                    CASE WHEN c.test_of IS NULL THEN (c.care ->> 'cooldown')::integer END AS cooldown,
                    c.test_of IS NULL AND (c.care ->> 'beyond_caps') IS NULL AS is_capped,
                    (c.care ->> 'skips_recent') IS NOT NULL AS skips
            ) rule
            WHERE CASE -- who has opted out is skipped anyway
                WHEN c.confirms IS NULL THEN NOT EXISTS (
                    SELECT FROM public.opted_out o WHERE o.phone = m.phone AND o.lane_id IN (0, m.lane_id)
                )
                ELSE public.may_confirm(c.confirms, m.phone, m.lane_id)
            END
        ), asked AS MATERIALIZED ( -- each person once
            SELECT DISTINCT ON (met.phone) met.*
            FROM met
            WHERE met.kept_until IS NULL
            ORDER BY met.phone, met.priority DESC, met.turn
        ), people AS (
            INSERT INTO public.messaged_phones AS p (phone, moments, cooldown_seconds, is_capped)
            SELECT
                each_person.phone,
                CASE WHEN bool_or(each_person.asks) THEN ARRAY[now()] ELSE '{}' END,
                min(each_person.cooldown),
                coalesce(bool_or(each_person.is_capped), true)
            FROM (
                SELECT asked.phone, true AS asks, asked.cooldown, asked.is_capped FROM asked
                UNION ALL
                SELECT r.phone, false, NULL, NULL FROM unnest(returned) r
            ) each_person
            GROUP BY each_person.phone
            ORDER BY each_person.phone
            ON CONFLICT (phone) DO UPDATE
            SET (moments, cooldown_seconds, is_capped, free_at) = (
                SELECT
                    CASE
                        WHEN excluded.moments = '{}' OR turn.free_at > now() THEN before.moments
                        -- Claims that waited for each other may have begun in another order.
                        WHEN now() < before.moments[1] THEN ARRAY(
                            SELECT u.moment FROM unnest(now() || before.moments) u (moment) ORDER BY u.moment DESC
                        )
                        ELSE now() || before.moments
                    END,
                    excluded.cooldown_seconds,
                    excluded.is_capped,
                    CASE WHEN turn.free_at > now() THEN turn.free_at END
                FROM (
                    SELECT CASE
                        WHEN returned IS NULL AND p.moments[cardinality(p.moments)] > beginning THEN p.moments
                        WHEN returned IS NULL AND p.moments[1] <= beginning THEN '{}'
                        ELSE ARRAY(
                            SELECT had.moment
                            FROM unnest(p.moments) WITH ORDINALITY AS had (moment, place)
                            WHERE had.moment > beginning AND NOT EXISTS (
                                SELECT FROM unnest(returned) r WHERE r.phone = p.phone AND r.claimed_at = had.moment
                            )
                            ORDER BY had.place
                        )
                    END AS moments
                    OFFSET 0
                ) before
                CROSS JOIN LATERAL (
                    SELECT greatest(
                        CASE WHEN excluded.is_capped AND cap_most IS NOT NULL THEN (
                            SELECT max(before.moments[cap.most] + cap.span)
                            FROM unnest(cap_most, cap_spans) AS cap (most, span)
                        ) END,
                        before.moments[1] + make_interval(secs => excluded.cooldown_seconds) + grace
                    ) AS free_at
                    OFFSET 0
                ) turn
            )
            RETURNING p.phone, p.free_at, p.moments, p.moments[1] AS latest, p.cooldown_seconds
        ), barred AS (
            SELECT
                people.phone,
                people.free_at,
                -- Until its outcome is known, the latest may yet give the person back.
                people.latest + grace AS known_at,
                CASE WHEN people.latest + make_interval(secs => people.cooldown_seconds) + grace > now()
                    THEN 'cooldown' ELSE 'cap'
                END AS reason
            FROM people
            WHERE people.free_at IS NOT NULL
        )
        SELECT
            asked.segment, asked.campaign_id, asked.seq,
            CASE WHEN barred.known_at > now() THEN least(barred.free_at, barred.known_at) ELSE barred.free_at END,
            barred.reason,
            asked.skips AND barred.known_at <= now()
        FROM barred
        JOIN asked ON asked.phone = barred.phone
        UNION ALL
        SELECT
            later.segment, later.campaign_id, later.seq,
            coalesce(later.kept_until, now() + interval '1 s'), -- whoever is before it has the person only now
            CASE
                WHEN later.kept_until IS NOT NULL THEN CASE WHEN later.cooldown IS NULL THEN 'cap' ELSE 'cooldown' END
                ELSE ( -- as the person is by then; none where no rule holds it, and it only waits for its turn
                    SELECT CASE
                        WHEN p.latest + make_interval(secs => later.cooldown) + grace > now() THEN 'cooldown'
                        WHEN later.is_capped AND EXISTS (
                            SELECT FROM unnest(cap_most, cap_spans) AS cap (most, span)
                            WHERE p.moments[cap.most] + cap.span > now()
                        ) THEN 'cap'
                    END
                    FROM people p
                    WHERE p.phone = later.phone
                )
            END,
            false
        FROM (
            SELECT
                met.*,
                row_number() OVER (
                    PARTITION BY met.phone ORDER BY met.kept_until IS NOT NULL, met.priority DESC, met.turn
                ) AS place
            FROM met
        ) later
        WHERE later.kept_until IS NOT NULL OR later.place > 1;
END
$$;
