-- Why somebody is left out of the rest of a campaign: the state of a message that they got, or may have got or get yet; that
-- they opted out; null: they have not got it. What is pending in a cancelled campaign never leaves.
CREATE FUNCTION left_out_of_rest(state message_state, reason text, of_campaign campaign_state) RETURNS text
LANGUAGE sql STABLE
RETURN CASE
    WHEN state IN ('sent', 'sending', 'in_doubt', 'unknown') THEN state::text
    WHEN state = 'pending' AND of_campaign <> 'cancelled' THEN 'pending'
    WHEN state = 'skipped' AND reason ~ '^opted[ _-]out' THEN 'opted_out'
END;
