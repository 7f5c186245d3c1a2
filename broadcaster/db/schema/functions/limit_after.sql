-- The limit once `claimed` more messages have been claimed at a moment, and those that were claimed at the moments
-- `returned` have provably not been accepted: their places are free again. Drops buckets that do not count any more, and says when the
-- next place is free. The same as domain/span_limits.py, which a test holds it to.
CREATE FUNCTION limit_after(l limits, claimed integer, returned timestamptz[], at timestamptz) RETURNS limits
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    present CONSTANT bigint := floor(extract(epoch FROM at) / l.bucket_seconds);
    oldest CONSTANT bigint := floor((extract(epoch FROM at) - l.span_seconds - l.grace_seconds) / l.bucket_seconds);
    place bigint;
    taken bigint := 0;
    moment timestamptz;
BEGIN
    IF l.newest > present + 1 THEN -- the clock was put back
        l.newest := present;
    ELSIF l.newest < present THEN
        l.counts := array_fill(0, ARRAY[least(present - l.newest, present - oldest + 1)::integer]) || l.counts;
        l.newest := present;
    END IF;
    l.counts := l.counts[1:(l.newest - oldest + 1)::integer];
    l.counts[1] := coalesce(l.counts[1], 0) + claimed;
    FOREACH moment IN ARRAY returned LOOP
        place := l.newest - floor(extract(epoch FROM moment) / l.bucket_seconds)::bigint + 1;
        IF place BETWEEN 1 AND cardinality(l.counts) AND l.counts[place] > 0 THEN
            l.counts[place] := l.counts[place] - 1;
        END IF;
    END LOOP;
    l.free_at := '-infinity';
    FOR place IN 1..cardinality(l.counts) LOOP
        taken := taken + l.counts[place];
        IF taken >= l.most THEN -- free once this bucket has gone, and all before it
            l.free_at := to_timestamp((l.newest - place + 2) * l.bucket_seconds + l.span_seconds + l.grace_seconds);
            EXIT;
        END IF;
    END LOOP;
    RETURN l;
END
$$;
