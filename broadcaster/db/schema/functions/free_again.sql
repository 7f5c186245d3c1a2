-- When somebody who was messaged at these moments, the latest first, may get another message by caps (so many in so many
-- seconds) and by a cooldown in seconds, as `hold_back` decides in the claim; null: that rule says nothing.
CREATE FUNCTION free_again(
    moments timestamptz[], cap_most integer[], cap_spans integer[], cooldown integer, grace double precision
) RETURNS TABLE (by_caps timestamptz, by_cooldown timestamptz) LANGUAGE sql STABLE AS $$
    SELECT
        (
            SELECT max(moments[cap.most] + make_interval(secs => cap.span + grace))
            FROM unnest(cap_most, cap_spans) AS cap (most, span)
        ),
        moments[1] + make_interval(secs => cooldown + grace)
$$;
