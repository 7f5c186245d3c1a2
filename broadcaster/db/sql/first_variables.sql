SELECT /* first_variables */
-- The variables of a campaign's first message that is not of somebody who was forgotten.
variables
FROM message_log
WHERE campaign_id = %(campaign_id)s AND phone IS NOT NULL
ORDER BY seq
LIMIT 1
