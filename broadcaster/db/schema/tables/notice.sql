CREATE TABLE receivers (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    way receiver_way NOT NULL,
    address text NOT NULL,
    sealed bytea,
    instance_id integer REFERENCES instances,
    events notice_event[] NOT NULL,
    optouts_above double precision NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    failures integer NOT NULL DEFAULT 0,
    not_before timestamptz,
    answer text,
    CONSTRAINT receivers_hears_something_check CHECK (events <> '{}' AND NOT 'test' = ANY (events)),
    CONSTRAINT receivers_instance_is_for_whatsapp_check CHECK ((instance_id IS NOT NULL) = (way = 'whatsapp')),
    CONSTRAINT receivers_optouts_above_check CHECK (optouts_above >= 0 AND optouts_above <= 1),
    CONSTRAINT receivers_webhook_is_sealed_check CHECK ((sealed IS NOT NULL) = (way = 'webhook'))
);
COMMENT ON TABLE receivers IS 'Who is told what happens: a webhook, a mail address or a phone, each under a name.';
COMMENT ON COLUMN receivers.id IS 'Deliveries carry it.';
COMMENT ON COLUMN receivers.name IS 'What operators call it.';
COMMENT ON COLUMN receivers.way IS 'How notices get there.';
COMMENT ON COLUMN receivers.address IS
    'Scheme, host and port of a webhook; the mail address; the phone in E.164 digits without the plus.';
COMMENT ON COLUMN receivers.sealed IS
    'Of a webhook: the whole URL and the secret that signs, sealed for its address; null: none.';
COMMENT ON COLUMN receivers.instance_id IS 'The instance that sends to the phone; null: none.';
COMMENT ON COLUMN receivers.events IS 'What it is told of.';
COMMENT ON COLUMN receivers.optouts_above IS 'Above which share of opt-outs it is told of a campaign.';
COMMENT ON COLUMN receivers.since IS 'When it was added: it is told of nothing that was over by then.';
COMMENT ON COLUMN receivers.failures IS 'Deliveries that failed since the last one that did not: the exponent of the gap.';
COMMENT ON COLUMN receivers.not_before IS
    'No delivery begins before: one is under way, or one has failed; null: at once.';
COMMENT ON COLUMN receivers.answer IS 'What it said to the latest try, which it did not take; null: it took it, or none was.';

CREATE TABLE notices (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event notice_event NOT NULL,
    subject text NOT NULL,
    occurrence text NOT NULL,
    document jsonb NOT NULL,
    noted_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (event, subject, occurrence)
);
COMMENT ON TABLE notices IS 'What happened that receivers are told of, each time once. Kept for 90 days.';
COMMENT ON COLUMN notices.id IS 'In the order of noting.';
COMMENT ON COLUMN notices.event IS 'What happened.';
COMMENT ON COLUMN notices.subject IS 'To which campaign, instance or receiver, by name.';
COMMENT ON COLUMN notices.occurrence IS 'Tells one time from another: it happens again under another one.';
COMMENT ON COLUMN notices.document IS 'What is said of it, without phones (domain/notices.py).';
COMMENT ON COLUMN notices.noted_at IS 'When it was noted.';
CREATE INDEX notices_noted_idx ON notices (noted_at);

CREATE TABLE deliveries (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    notice_id bigint NOT NULL REFERENCES notices ON DELETE CASCADE,
    receiver_id integer NOT NULL REFERENCES receivers ON DELETE CASCADE,
    tries integer NOT NULL DEFAULT 0,
    next_try_at timestamptz NOT NULL DEFAULT now(),
    delivered_at timestamptz,
    given_up_at timestamptz,
    answer text,
    campaign_id bigint,
    UNIQUE (notice_id, receiver_id),
    CONSTRAINT deliveries_ends_one_way_check CHECK (delivered_at IS NULL OR given_up_at IS NULL)
);
COMMENT ON TABLE deliveries IS 'A notice on its way to a receiver, or there: at least once, under one id.';
COMMENT ON COLUMN deliveries.id IS 'What the receiver knows it by, however often it comes.';
COMMENT ON COLUMN deliveries.notice_id IS 'What is told,';
COMMENT ON COLUMN deliveries.receiver_id IS 'and to whom.';
COMMENT ON COLUMN deliveries.tries IS 'How often it was tried. A failure is written by the latest try alone.';
COMMENT ON COLUMN deliveries.next_try_at IS 'It is not tried before.';
COMMENT ON COLUMN deliveries.delivered_at IS 'When the receiver took it, or its message was sent; null: not yet.';
COMMENT ON COLUMN deliveries.given_up_at IS 'When nobody tried any more, or its message had ended unsent; null: it is there, or on its way.';
COMMENT ON COLUMN deliveries.answer IS 'What the receiver said last, or why it could not be reached; null: not tried.';
COMMENT ON COLUMN deliveries.campaign_id IS 'The campaign of one message that brings it by WhatsApp; null: none.';
CREATE INDEX deliveries_undelivered_idx ON deliveries (receiver_id, next_try_at) WHERE delivered_at IS NULL;

CREATE TABLE troubles (
    event notice_event NOT NULL,
    subject text NOT NULL,
    cause text NOT NULL,
    seen_since timestamptz NOT NULL DEFAULT now(),
    noted_at timestamptz,
    over_since timestamptz,
    PRIMARY KEY (event, subject, cause)
);
COMMENT ON TABLE troubles IS
    'What is not as it should be now, so that receivers are told once of each, and where they are told when it is over.';
COMMENT ON COLUMN troubles.event IS 'What it is told as.';
COMMENT ON COLUMN troubles.subject IS 'Of which campaign or instance, by name.';
COMMENT ON COLUMN troubles.cause IS 'Why: what has another cause is another trouble.';
COMMENT ON COLUMN troubles.seen_since IS
    'Since when each look finds it, or would have found it for as long as looks have found it in all.';
COMMENT ON COLUMN troubles.noted_at IS 'When it became a notice; null: it may yet pass by itself.';
COMMENT ON COLUMN troubles.over_since IS 'Since when no look finds it any more, so that it is soon forgotten; null: it lasts.';
