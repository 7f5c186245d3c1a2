SELECT /* count_empty */
-- Of how many who can be sent to each of these variables is empty.
    asked.name, count(r.phone) AS messages
FROM unnest(%(names)s::text[]) AS asked (name)
LEFT JOIN (
    SELECT r.phone, r.variables
    FROM audience_recipients(
        %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
    ) r
    WHERE r.fault IS NULL AND {members}
) r ON coalesce(trimmed(r.variables ->> asked.name), '') = ''
GROUP BY asked.name
