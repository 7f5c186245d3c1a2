WITH /* retire_instance */
-- Closes an instance: nothing is claimed for it any more, and `share_pending` takes what it has pending. The caller has its
-- lane locked.
closed AS (
    UPDATE instances SET retired_at = coalesce(retired_at, now()) WHERE id = %(lane)s
)
UPDATE lanes
SET
    health = 'paused',
    health_reason = 'retired by an operator',
    health_since = CASE health WHEN 'paused' THEN health_since ELSE now() END,
    failures = 0,
    not_before = NULL
WHERE id = %(lane)s
