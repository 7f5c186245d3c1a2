SELECT /* unreleased_slices */
-- Running campaigns with an open slice of whose messages some may still be held. A canary that was taken away leaves one.
j.campaign_id, c.segment, coalesce(c.care, '{}') AS care, j.open_slices
FROM campaign_judgements j
JOIN campaigns c ON c.id = j.campaign_id AND c.state = 'running'
WHERE j.released_slices < j.open_slices
ORDER BY j.campaign_id
