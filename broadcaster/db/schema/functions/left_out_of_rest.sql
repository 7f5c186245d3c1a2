-- Why somebody is left out of the rest of a campaign: the state of a message that they got, or may have got or get yet; that
-- they were skipped since they had opted out, and still have; null: they have not got it. What is pending in a cancelled
-- campaign never leaves.
CREATE FUNCTION left_out_of_rest(state message_state, reason text, of_campaign campaign_state, phone text) RETURNS text
LANGUAGE sql STABLE
RETURN CASE
    WHEN state IN ('sent', 'sending', 'in_doubt', 'unknown') THEN state::text
    WHEN state = 'pending' AND of_campaign <> 'cancelled' THEN 'pending'
    WHEN state = 'skipped' AND reason ~ '^opted[ _-]out'
        AND EXISTS (SELECT FROM opted_out o WHERE o.phone = left_out_of_rest.phone)
        THEN 'opted_out'
END;
