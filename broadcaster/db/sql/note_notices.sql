WITH /* note_notices */
-- Each occasion is noted once, whoever notes it, and goes to the receivers that there are now and that want it. Gateways may
-- have put numbers into the detail: they are taken out. Returns what was new.
found AS (
    SELECT *
    FROM jsonb_to_recordset(%(occasions)s::jsonb) AS each (
        event notice_event, subject text, occurrence text, notice jsonb, heard_from timestamptz, optouts_above float8
    )
), noted AS (
    INSERT INTO notices (event, subject, occurrence, document)
    SELECT
        event,
        subject,
        coalesce(occurrence, ''),
        notice || CASE
            WHEN notice ->> 'detail' IS NULL THEN '{}'
            ELSE jsonb_build_object('detail', without_numbers(notice ->> 'detail'))
        END
    FROM found
    ON CONFLICT (event, subject, occurrence) DO NOTHING
    RETURNING id, event, subject, occurrence
), told AS ( -- nobody removes one meanwhile
    SELECT * FROM receivers ORDER BY id FOR KEY SHARE
), sent AS (
    INSERT INTO deliveries (notice_id, receiver_id)
    SELECT n.id, r.id
    FROM noted n
    JOIN found f ON f.event = n.event AND f.subject = n.subject AND coalesce(f.occurrence, '') = n.occurrence
    JOIN told r ON n.event = ANY (r.events)
        AND (f.heard_from IS NULL OR r.since <= f.heard_from)
        AND (f.optouts_above IS NULL OR r.optouts_above = f.optouts_above)
)
SELECT event::text || ' ' || subject FROM noted ORDER BY id
