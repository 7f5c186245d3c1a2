-- Reading back has just shown a message that the gateway is known to have accepted at %(accepted_at)s. How old it is can
-- only be told where the clock has not been put back since.
INSERT INTO proofs (account_id, number_class, content_kind, proven_at, delay_seconds, entries)
SELECT
    %(account)s, %(number_class)s, %(content_kind)s::content_kind, now(), extract(epoch FROM now() - %(accepted_at)s),
    %(entries)s
WHERE %(accepted_at)s <= now()
    AND NOT EXISTS (
        SELECT FROM ticks
        WHERE put_back_seconds > 0 OR done_at > now() + interval '1 s' OR steady_since >= %(accepted_at)s
    )
ON CONFLICT (account_id, number_class, content_kind) DO UPDATE
SET proven_at = excluded.proven_at, delay_seconds = excluded.delay_seconds, entries = excluded.entries
