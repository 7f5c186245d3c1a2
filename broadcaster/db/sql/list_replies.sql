SELECT /* list_replies */
-- What people wrote, the latest first; of one campaign, instance, person, since a moment, of one meaning, or undecided.
    id, said_at, noted_at, phone, body, kind, meaning, instance, campaign, messaged_at, seconds_after, gateway_id
FROM replies
WHERE (%(campaign)s::text IS NULL OR campaign_id = (SELECT id FROM campaigns WHERE name = %(campaign)s::text))
    AND (%(instance)s::text IS NULL OR instance = %(instance)s::text)
    AND (%(phones)s::text[] IS NULL OR phone = ANY (%(phones)s::text[]))
    AND (%(since)s::timestamptz IS NULL OR noted_at >= %(since)s::timestamptz)
    AND (%(meaning)s::inbound_meaning IS NULL OR meaning = %(meaning)s::inbound_meaning)
    AND (NOT %(undecided)s::boolean OR id IN (SELECT id FROM undecided_replies))
    AND (%(id)s::bigint IS NULL OR id = %(id)s::bigint)
ORDER BY id DESC
LIMIT %(limit)s
