SELECT /* campaign_events */
-- What operators did to a campaign since %(created)s, and to its instances while it was sent: the latest %(most)s, oldest
-- first. An earlier campaign may have had the same name. That an instance counts anew which of its accepted messages
-- were found is no event of a campaign.
*
FROM (
    SELECT a.id, a.at, a.operator, a.host, a.command, a.db_role, a.object_kind, a.object_name, a.action, a.before, a.after
    FROM audit_log a
    WHERE a.object_kind = 'campaign' AND a.object_name = %(name)s AND a.at >= %(created)s::timestamptz
        OR a.object_kind IN ('instance', 'limit') AND a.object_name = ANY (%(instances)s::text[])
            AND a.at BETWEEN %(since)s::timestamptz AND %(until)s::timestamptz
            AND (a.action <> 'changed' OR a.after - '{truth_shown,truth_missing}'::text[] <> '{}')
    ORDER BY a.id DESC
    LIMIT %(most)s
) latest
ORDER BY id
