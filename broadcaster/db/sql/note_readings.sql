-- Writes what one reading of a chat said of its doubts. Guarded by the number of the poll: a reading that comes when
-- the next one has begun changes nothing. An absence counts from the settle time on, unless the clock has been put back
-- since it was read, and one reading that does not tell ends a row of them. Returns the doubts that are ripe to be
-- resolved.
WITH read AS (
    SELECT *
    FROM jsonb_to_recordset(%(rows)s) AS r (
        segment bigint, campaign_id bigint, seq int, attempt smallint, polls smallint, sight text, gateway_id text
    )
), noted AS (
    UPDATE doubts d
    SET
        reading = %(words)s::jsonb ->> read.sight,
        absences = CASE
            WHEN read.sight = 'undecided' THEN 0
            WHEN read.sight = 'absent' AND %(read_at)s BETWEEN d.ended_at + %(settle)s AND now() THEN d.absences + 1
            ELSE d.absences
        END
    FROM read
    WHERE d.segment = read.segment AND d.campaign_id = read.campaign_id AND d.seq = read.seq
        AND d.attempt = read.attempt AND d.polls = read.polls AND d.resolved_as IS NULL
    RETURNING d.segment, d.campaign_id, d.seq, d.attempt, read.sight, d.absences
)
SELECT segment, campaign_id, seq, attempt
FROM noted
WHERE sight = 'found' OR (sight = 'absent' AND absences >= %(polls)s)
