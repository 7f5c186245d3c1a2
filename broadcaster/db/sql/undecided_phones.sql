SELECT DISTINCT /* undecided_phones */
-- Who wrote something that may ask to stop, of which nobody has decided.
    phone
FROM undecided_replies
