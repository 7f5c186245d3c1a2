-- Whether an account is to be read for replies now: its chats are to be listed, or some of them have changed.
CREATE FUNCTION inbox_is_due(account integer) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT
        FROM public.instances i
        LEFT JOIN public.inboxes b ON b.account_id = i.account_id
        WHERE i.account_id = account AND i.read_replies_seconds IS NOT NULL AND (
            b.account_id IS NULL OR b.next_poll_at <= now()
            OR EXISTS (
                SELECT FROM public.inbox_chats c WHERE c.account_id = account AND c.looks > 0 AND c.due_at <= now()
            )
        )
    )
$$;
