SELECT /* campaigns_to_plan */
-- What campaigns that have not started ask of the people that they go to. Tests, and confirmations of opt-outs, ask nothing.
    c.id,
    c.segment,
    greatest(c.starts_at, now()) AS at,
    c.require_consent,
    c.care,
    CASE WHEN (c.care ->> 'beyond_caps') IS NULL THEN cap.most ELSE '{}' END AS cap_most,
    CASE WHEN (c.care ->> 'beyond_caps') IS NULL THEN cap.spans ELSE '{}' END AS cap_spans
FROM campaigns c
CROSS JOIN (
    SELECT
        coalesce(array_agg(most ORDER BY span_seconds), '{}') AS most,
        coalesce(array_agg(span_seconds ORDER BY span_seconds), '{}') AS spans
    FROM caps
) cap
WHERE c.id = ANY (%(campaigns)s::bigint[]) AND c.started_at IS NULL AND c.test_of IS NULL AND c.confirms IS NULL
ORDER BY c.id
