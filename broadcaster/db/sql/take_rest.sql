UPDATE /* take_rest */
-- From now on what is left of the first campaign and of its rests is in the latest one: the others are not retried any
-- more (retry_campaign).
campaigns
SET rest_taken_at = coalesce(rest_taken_at, now())
WHERE (id = %(first)s OR rest_of = %(first)s) AND id <> %(latest)s
