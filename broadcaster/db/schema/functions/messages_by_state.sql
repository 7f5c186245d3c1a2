-- How many messages of a campaign are in which state.
CREATE FUNCTION messages_by_state(campaign bigint) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT jsonb_build_object(
        'sent', coalesce(sum(cl.sent), 0),
        'failed', coalesce(sum(cl.failed), 0),
        'unknown', coalesce(sum(cl.unknown), 0),
        'skipped', coalesce(sum(cl.skipped), 0),
        'cancelled', coalesce(sum(cl.cancelled), 0),
        'expired', coalesce(sum(cl.expired), 0),
        'sending', coalesce(sum(cl.sending), 0),
        'in_doubt', coalesce(sum(cl.in_doubt), 0),
        'pending', coalesce(sum(cl.pending), 0)
    )
    FROM campaign_lanes cl
    WHERE cl.campaign_id = campaign
$$;
