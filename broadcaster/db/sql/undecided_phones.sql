SELECT /* undecided_phones */ DISTINCT
-- Who wrote something that may ask to stop, of which nobody has decided.
    phone
FROM undecided_replies
