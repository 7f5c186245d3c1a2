-- Samples of columns are shown to whoever may read the table, and stay when rows go: of what is personal Postgres keeps
-- none. Tables that are made later copy nothing of this (open_segment).
ALTER TABLE messages ALTER phone SET STATISTICS 0, ALTER variables SET STATISTICS 0, ALTER gateway_id SET STATISTICS 0,
    ALTER reason SET STATISTICS 0;
ALTER TABLE attempts ALTER reply SET STATISTICS 0, ALTER reason SET STATISTICS 0;
ALTER TABLE doubts ALTER phone SET STATISTICS 0, ALTER reading SET STATISTICS 0;
ALTER TABLE settlements ALTER reason SET STATISTICS 0;
ALTER TABLE rejected_recipients ALTER phone SET STATISTICS 0;
ALTER TABLE audience_members ALTER phone SET STATISTICS 0, ALTER variables SET STATISTICS 0;
ALTER TABLE opt_outs ALTER phone SET STATISTICS 0, ALTER forms SET STATISTICS 0, ALTER words SET STATISTICS 0,
    ALTER ended_words SET STATISTICS 0;
ALTER TABLE opted_out ALTER phone SET STATISTICS 0;
ALTER TABLE consent_records ALTER phone SET STATISTICS 0, ALTER forms SET STATISTICS 0, ALTER words SET STATISTICS 0;
ALTER TABLE known_phones ALTER phone SET STATISTICS 0;
ALTER TABLE messaged_phones ALTER phone SET STATISTICS 0;
ALTER TABLE confirmed_opt_outs ALTER phone SET STATISTICS 0;
ALTER TABLE inbox_chats ALTER chat SET STATISTICS 0;
ALTER TABLE inbound_messages ALTER gateway_id SET STATISTICS 0, ALTER chat SET STATISTICS 0,
    ALTER phone SET STATISTICS 0, ALTER body SET STATISTICS 0;
ALTER TABLE lanes ALTER health_reason SET STATISTICS 0;
ALTER TABLE campaigns ALTER state_reason SET STATISTICS 0, ALTER variables SET STATISTICS 0,
    ALTER audience_filter SET STATISTICS 0;
ALTER TABLE occurrences ALTER reason SET STATISTICS 0;
