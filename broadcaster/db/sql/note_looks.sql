WITH /* note_looks */
-- Messages that the gateway is known to have accepted have just been looked for in their chats. How old each is can only
-- be told where the clock has not been put back since it was accepted. What was looked for long ago is forgotten.
looked AS (
    SELECT *, now() - accepted_at AS age
    FROM jsonb_to_recordset(%(looks)s) AS l (
        segment bigint, campaign_id bigint, seq int, number_class text, content_kind content_kind,
        accepted_at timestamptz, is_shown boolean, entries int
    )
    WHERE accepted_at <= now()
        AND NOT EXISTS (
            SELECT FROM ticks
            WHERE put_back_seconds > 0 OR done_at > now() + interval '1 s' OR steady_since >= accepted_at
        )
), old AS (
    SELECT segment, campaign_id, seq
    FROM looks
    WHERE account_id = %(account)s AND looked_at < now() - %(within)s
        AND (segment, campaign_id, seq) NOT IN (SELECT segment, campaign_id, seq FROM looked)
    FOR UPDATE SKIP LOCKED
), forgotten AS (
    DELETE FROM looks
    USING old
    WHERE looks.account_id = %(account)s AND looks.segment = old.segment AND looks.campaign_id = old.campaign_id
        AND looks.seq = old.seq
)
INSERT INTO looks (
    account_id, segment, campaign_id, seq, number_class, content_kind, accepted_at, looked_at, is_shown, late_seconds,
    entries
)
SELECT
    %(account)s, segment, campaign_id, seq, number_class, content_kind, accepted_at, now(), is_shown,
    CASE WHEN is_shown THEN 0 ELSE extract(epoch FROM age) END, entries
FROM looked
ORDER BY segment, campaign_id, seq
ON CONFLICT (account_id, segment, campaign_id, seq) DO UPDATE
SET
    looked_at = excluded.looked_at,
    is_shown = excluded.is_shown,
    late_seconds = greatest(looks.late_seconds, excluded.late_seconds),
    entries = excluded.entries
