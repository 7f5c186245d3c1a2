SELECT /* somebody_meets */
-- Whether a condition holds for anybody of an audience.
    EXISTS (
        SELECT
        FROM audience_recipients(
            %(audience_id)s, %(wanted)s::jsonb, %(campaign_variables)s::jsonb, %(template)s::jsonb
        ) r
        WHERE {members}
    )
