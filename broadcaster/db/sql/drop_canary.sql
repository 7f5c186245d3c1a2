INSERT /* drop_canary */ INTO campaign_judgements AS j (campaign_id, open_slices, released_slices)
-- All that a canary held is in a slice that is open, whether its campaign has started or not: `release_slice` lets it go once
-- that runs. It is always one slice more, so that nobody who has read the canary before releases less by its share.
-- The caller has the campaign's row locked, and has taken the canary from its care.
VALUES (%(campaign_id)s, 1, 0)
ON CONFLICT (campaign_id) DO UPDATE SET open_slices = j.open_slices + 1, next_slice_at = NULL
