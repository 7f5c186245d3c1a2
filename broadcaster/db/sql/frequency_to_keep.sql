SELECT /* frequency_to_keep */
-- The longest cooldown that a campaign asks for which has not ended, in seconds, where claims do not keep that much yet.
max((c.care ->> 'cooldown')::integer)
FROM campaigns c
WHERE c.state IN ('scheduled', 'running', 'paused') AND c.care ? 'cooldown'
    AND NOT frequency_is_kept((c.care ->> 'cooldown')::integer)
HAVING count(*) > 0
