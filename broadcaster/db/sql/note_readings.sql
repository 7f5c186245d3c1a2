WITH /* note_readings */
-- Writes what one reading of a chat said of its doubts, and when they are looked for again. Guarded by the number of the
-- poll: a reading that comes when the next one has begun changes nothing. An absence counts from the settle time on,
-- unless the clock has been put back since it was read, and one reading that does not tell ends a row of them. While
-- absences are being counted the pauses do not grow, and while they wait for a proof they grow to six times as long at
-- most. Returns the doubts that are ripe to be resolved.
read AS (
    SELECT *
    FROM jsonb_to_recordset(%(rows)s) AS r (
        segment bigint, campaign_id bigint, seq int, attempt smallint, polls smallint, sight text, reading text
    )
), noted AS (
    UPDATE doubts d
    SET
        reading = read.reading,
        is_unread = read.sight = 'unreadable',
        absences = CASE
            WHEN read.sight = 'undecided' THEN 0
            WHEN read.sight IN ('absent', 'silent') AND %(read_at)s BETWEEN d.ended_at + %(settle)s AND now()
                THEN d.absences + 1
            ELSE d.absences
        END,
        next_poll_at = CASE
            WHEN read.sight NOT IN ('absent', 'silent') THEN d.next_poll_at
            WHEN d.absences > %(polls)s THEN least(d.next_poll_at, %(read_at)s + 6 * %(first)s) -- a proof may come
            ELSE least(d.next_poll_at, greatest(%(read_at)s + %(first)s, d.ended_at + %(settle)s))
        END
    FROM read
    WHERE d.segment = read.segment AND d.campaign_id = read.campaign_id AND d.seq = read.seq
        AND d.attempt = read.attempt AND d.polls = read.polls AND d.resolved_as IS NULL
    RETURNING d.segment, d.campaign_id, d.seq, d.attempt, read.sight, d.absences
)
SELECT segment, campaign_id, seq, attempt
FROM noted
WHERE sight = 'found' OR (sight IN ('absent', 'silent') AND absences >= %(polls)s)
