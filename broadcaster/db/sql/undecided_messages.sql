SELECT /* undecided_messages */
-- Of how many messages of a campaign nobody knows whether they arrived, be it not yet.
coalesce(sum(pending + sending + in_doubt + unknown), 0)::bigint FROM campaign_lanes WHERE campaign_id = %(campaign_id)s
