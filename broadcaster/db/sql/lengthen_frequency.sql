UPDATE /* lengthen_frequency */
-- Moments are kept for %(span)s seconds at least; the caller has locked claims out. Those that were older than the span before
-- may be gone by now.
frequency_records
SET
    since = greatest(since, now() - make_interval(secs => span_seconds + grace_seconds)),
    span_seconds = %(span)s
WHERE span_seconds < %(span)s
