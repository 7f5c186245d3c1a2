UPDATE /* note_replies_judged */
-- Who has answered these campaigns was looked at just now.
campaign_judgements
SET replies_due_at = now() + %(again)s
WHERE campaign_id = ANY (%(campaigns)s)
