CREATE /* phones_of_members */ TEMPORARY TABLE member_phones ON COMMIT DROP AS
-- Those of an audience who meet the conditions and can be sent to.
SELECT r.phone
FROM audience_recipients(
    %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
) r
WHERE {members} AND r.fault IS NULL
