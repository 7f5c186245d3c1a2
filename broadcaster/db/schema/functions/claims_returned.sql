-- When messages were claimed that are being sent, with their phones; null: there are none. Stable, so that a statement which
-- has just written them gets what they were before.
CREATE FUNCTION claims_returned(keys message_key[]) RETURNS person_claim[] LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF keys = '{}' THEN
        RETURN NULL;
    END IF;
    RETURN (
        SELECT array_agg((m.phone, m.changed_at)::public.person_claim)
        FROM unnest(keys) k
        JOIN public.messages m ON m.segment = k.segment AND m.campaign_id = k.campaign_id AND m.seq = k.seq
        WHERE m.phone IS NOT NULL
    );
END
$$;
