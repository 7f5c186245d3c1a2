SELECT /* read_inbox */
-- How far the account of an instance was read for replies; without times where it never was.
    i.read_replies_seconds,
    a.reads_a_second,
    b.listed_at,
    b.next_poll_at,
    (SELECT count(*) FROM inbox_chats c WHERE c.account_id = b.account_id AND c.looks > 0) AS chats_waiting,
    coalesce(b.chats_cut, 0) AS chats_cut,
    b.gap_from,
    b.trouble,
    a.unreadable_since
FROM instances i
JOIN accounts a ON a.id = i.account_id
LEFT JOIN inboxes b ON b.account_id = a.id
WHERE i.name = %(name)s
