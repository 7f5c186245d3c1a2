CREATE TABLE inboxes (
    account_id integer PRIMARY KEY REFERENCES accounts,
    since timestamptz,
    listed_until timestamptz,
    gap_from timestamptz,
    polls bigint NOT NULL DEFAULT 0,
    next_poll_at timestamptz NOT NULL DEFAULT '-infinity',
    listed_at timestamptz,
    chats_cut bigint NOT NULL DEFAULT 0,
    trouble text
);
COMMENT ON TABLE inboxes IS 'How far an account was read for what people write to it. Moments that say so are by the gateway''s clock.';
COMMENT ON COLUMN inboxes.account_id IS 'Whose chats are listed.';
COMMENT ON COLUMN inboxes.since IS
    'What is dated no later was there before, and is no reply (gateway''s clock); null: nothing was listed yet.';
COMMENT ON COLUMN inboxes.listed_until IS 'The latest change that a list of its chats has shown (gateway''s clock).';
COMMENT ON COLUMN inboxes.gap_from IS
    'From when on lists have left chats out that may have changed (gateway''s clock); null: no gap is open.';
COMMENT ON COLUMN inboxes.polls IS 'How often its chats were listed: a list that comes late changes nothing.';
COMMENT ON COLUMN inboxes.next_poll_at IS 'When its chats are listed next.';
COMMENT ON COLUMN inboxes.listed_at IS 'When a list was last taken in; null: none yet.';
COMMENT ON COLUMN inboxes.chats_cut IS
    'Readings of chats that did not show all that may be new: given up, or older entries cut off.';
COMMENT ON COLUMN inboxes.trouble IS 'What keeps it from being read whole, in words, as last seen; null: nothing.';

CREATE TABLE inbox_chats (
    account_id integer NOT NULL REFERENCES inboxes ON DELETE CASCADE,
    chat text NOT NULL,
    changed_at timestamptz,
    is_ours boolean NOT NULL DEFAULT false,
    looks smallint NOT NULL,
    due_at timestamptz NOT NULL DEFAULT now(),
    reads bigint NOT NULL DEFAULT 0,
    tries smallint NOT NULL DEFAULT 0,
    read_until timestamptz,
    PRIMARY KEY (account_id, chat)
);
COMMENT ON TABLE inbox_chats IS 'Chats that changed lately, until they have been read.';
COMMENT ON COLUMN inbox_chats.account_id IS 'Whose chat it is.';
COMMENT ON COLUMN inbox_chats.chat IS 'The digits that the gateway has it under, with @lid where they hide a number.';
COMMENT ON COLUMN inbox_chats.changed_at IS 'When it last changed, as listed (gateway''s clock); null: not listed.';
COMMENT ON COLUMN inbox_chats.is_ours IS 'Whether its latest message is known to be our own: then others are read first.';
COMMENT ON COLUMN inbox_chats.looks IS 'How often it is yet to be read for this change.';
COMMENT ON COLUMN inbox_chats.due_at IS 'When it is read next.';
COMMENT ON COLUMN inbox_chats.reads IS 'How often it was read: a reading that comes late changes nothing here.';
COMMENT ON COLUMN inbox_chats.tries IS 'How many readings in a row were not answered.';
COMMENT ON COLUMN inbox_chats.read_until IS 'The latest entry that it has shown (gateway''s clock); null: none yet.';
CREATE INDEX inbox_chats_due_idx ON inbox_chats (account_id, is_ours, due_at) WHERE looks > 0;

CREATE TABLE inbound_messages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL REFERENCES accounts,
    lane_id integer NOT NULL,
    identity bytea NOT NULL,
    gateway_id text,
    chat text,
    phone text,
    body text,
    kind text,
    said_at timestamptz NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    campaign_id bigint,
    seq integer,
    messaged_at timestamptz,
    meaning inbound_meaning,
    UNIQUE (account_id, identity)
);
COMMENT ON TABLE inbound_messages IS 'What people wrote to our instances, each message once. No row is deleted.';
COMMENT ON COLUMN inbound_messages.id IS 'In the order of taking them in.';
COMMENT ON COLUMN inbound_messages.account_id IS 'The account that it came to.';
COMMENT ON COLUMN inbound_messages.lane_id IS 'The instance that had the account then.';
COMMENT ON COLUMN inbound_messages.identity IS
    'Hash of the gateway''s id, or without one of chat, moment, content and count; random: forgotten.';
COMMENT ON COLUMN inbound_messages.gateway_id IS 'The gateway''s id; null: it gave none, or purged or forgotten.';
COMMENT ON COLUMN inbound_messages.chat IS 'The chat as the gateway has it; null: purged or forgotten.';
COMMENT ON COLUMN inbound_messages.phone IS
    'Who wrote, in E.164 digits, as the campaign wrote the number; null: hidden, purged or forgotten.';
COMMENT ON COLUMN inbound_messages.body IS 'The text, or the caption of a file; null: none, or purged or forgotten.';
COMMENT ON COLUMN inbound_messages.kind IS 'What it is, in the gateway''s word; null: not said.';
COMMENT ON COLUMN inbound_messages.said_at IS 'When it was written, by the gateway''s clock.';
COMMENT ON COLUMN inbound_messages.noted_at IS 'When it was taken in.';
COMMENT ON COLUMN inbound_messages.campaign_id IS 'The campaign that last messaged that person; null: none did.';
COMMENT ON COLUMN inbound_messages.seq IS 'Its message to that person.';
COMMENT ON COLUMN inbound_messages.messaged_at IS 'When that was sent.';
COMMENT ON COLUMN inbound_messages.meaning IS 'What its words ask for, of those that mean something; null: nothing known.';
CREATE INDEX inbound_messages_campaign_idx ON inbound_messages (campaign_id, seq) WHERE campaign_id IS NOT NULL;
CREATE INDEX inbound_messages_stop_idx ON inbound_messages (campaign_id) WHERE meaning = 'stop';
CREATE INDEX inbound_messages_near_miss_idx ON inbound_messages (phone)
    WHERE meaning = 'near_miss' AND phone IS NOT NULL;
CREATE INDEX inbound_messages_phone_idx ON inbound_messages (phone) WHERE phone IS NOT NULL;
CREATE INDEX inbound_messages_noted_idx ON inbound_messages (noted_at);
