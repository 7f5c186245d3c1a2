WITH /* begin_trial_notice */
-- A notice for one receiver, marked as a test, whose first try is the caller's, who has the receiver locked: nobody else tries
-- it before its gap of %(lease)s is over.
noted AS (
    INSERT INTO notices (event, subject, occurrence, document)
    SELECT 'test', r.name, gen_random_uuid()::text, %(notice)s::jsonb FROM receivers r WHERE r.id = %(receiver)s
    RETURNING id
)
INSERT INTO deliveries (notice_id, receiver_id, tries, next_try_at)
SELECT id, %(receiver)s, 1, now() + %(lease)s FROM noted
RETURNING id
