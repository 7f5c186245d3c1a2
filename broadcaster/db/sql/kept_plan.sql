SELECT /* kept_plan */
-- When a campaign was to end by the plan that was made when it was submitted.
made_at, ends_at, earliest_at, latest_at
FROM campaign_plans
WHERE campaign_id = %(campaign_id)s
