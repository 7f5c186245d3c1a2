CREATE TABLE schedules (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    state schedule_state NOT NULL DEFAULT 'active',
    cron text,
    every text,
    timezone text NOT NULL,
    anchor timestamptz NOT NULL,
    next_at timestamptz,
    from_at timestamptz,
    until_at timestamptz,
    occurrence_limit integer,
    occurrences_made integer NOT NULL DEFAULT 0,
    misfire misfire NOT NULL,
    grace interval NOT NULL,
    overlap overlap NOT NULL,
    audience_id bigint NOT NULL REFERENCES audiences,
    audience_filter jsonb,
    content_id bigint NOT NULL REFERENCES contents,
    caption text,
    filename text,
    locale text NOT NULL DEFAULT 'en',
    priority smallint NOT NULL DEFAULT 0,
    max_attempts smallint NOT NULL,
    hours_id integer REFERENCES opening_hours,
    expires_after interval,
    require_consent boolean NOT NULL DEFAULT false,
    care jsonb,
    sharing jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT schedules_active_has_next_at_check CHECK ((next_at IS NOT NULL) = (state = 'active')),
    CONSTRAINT schedules_expires_after_positive_check CHECK (expires_after > interval '0'),
    CONSTRAINT schedules_max_attempts_positive_check CHECK (max_attempts >= 1),
    CONSTRAINT schedules_occurrence_limit_positive_check CHECK (occurrence_limit >= 1),
    CONSTRAINT schedules_one_rule_check CHECK (num_nonnulls(cron, every) = 1)
) WITH (fillfactor = 50);
COMMENT ON TABLE schedules IS 'Recurring broadcasts: what to send to which audience, and by which rule.';
COMMENT ON COLUMN schedules.id IS 'Occurrences carry it.';
COMMENT ON COLUMN schedules.name IS 'What operators call it; its campaigns begin with it.';
COMMENT ON COLUMN schedules.state IS 'Whether it makes occurrences (docs/states.md).';
COMMENT ON COLUMN schedules.cron IS 'When it is due, as a cron expression.';
COMMENT ON COLUMN schedules.every IS 'When it is due, as an interval: 30s, 10m, 2h, 1d, 2w.';
COMMENT ON COLUMN schedules.timezone IS 'Whose clocks the rule goes by: a name of the tz database.';
COMMENT ON COLUMN schedules.anchor IS 'Where intervals count from.';
COMMENT ON COLUMN schedules.next_at IS 'When it is due next; null: it is not active.';
COMMENT ON COLUMN schedules.from_at IS 'Not due before.';
COMMENT ON COLUMN schedules.until_at IS 'Not due after.';
COMMENT ON COLUMN schedules.occurrence_limit IS 'After so many campaigns it ends; null: never.';
COMMENT ON COLUMN schedules.occurrences_made IS 'Its campaigns so far.';
COMMENT ON COLUMN schedules.misfire IS 'What becomes of an occurrence that was missed.';
COMMENT ON COLUMN schedules.grace IS 'For how long a missed one may still be run or held.';
COMMENT ON COLUMN schedules.overlap IS 'What becomes of one while the one before is still sending.';
COMMENT ON COLUMN schedules.audience_id IS 'Whom it sends to, each time anew.';
COMMENT ON COLUMN schedules.audience_filter IS 'Which of the members; null: all.';
COMMENT ON COLUMN schedules.content_id IS 'What its next campaign sends.';
COMMENT ON COLUMN schedules.caption IS 'campaigns.caption';
COMMENT ON COLUMN schedules.filename IS 'campaigns.filename';
COMMENT ON COLUMN schedules.locale IS 'campaigns.locale';
COMMENT ON COLUMN schedules.priority IS 'campaigns.priority';
COMMENT ON COLUMN schedules.max_attempts IS 'campaigns.max_attempts';
COMMENT ON COLUMN schedules.hours_id IS 'campaigns.hours_id';
COMMENT ON COLUMN schedules.expires_after IS 'How long after each occurrence its campaign expires; null: never.';
COMMENT ON COLUMN schedules.require_consent IS 'campaigns.require_consent';
COMMENT ON COLUMN schedules.care IS 'campaigns.care';
COMMENT ON COLUMN schedules.sharing IS 'campaigns.sharing';
COMMENT ON COLUMN schedules.created_at IS 'When it was added.';
CREATE INDEX schedules_due_idx ON schedules (next_at) WHERE state = 'active';

CREATE TABLE schedule_lanes (
    schedule_id bigint NOT NULL REFERENCES schedules ON DELETE CASCADE,
    lane_id integer NOT NULL REFERENCES lanes,
    weight double precision,
    PRIMARY KEY (schedule_id, lane_id),
    CONSTRAINT schedule_lanes_weight_positive_check CHECK (weight > 0)
);
COMMENT ON TABLE schedule_lanes IS 'Which instances a schedule sends through.';
COMMENT ON COLUMN schedule_lanes.schedule_id IS 'The schedule that sends through it.';
COMMENT ON COLUMN schedule_lanes.lane_id IS 'The lane of one of its instances.';
COMMENT ON COLUMN schedule_lanes.weight IS 'campaign_lanes.weight';

CREATE TABLE schedule_limits (
    schedule_id bigint NOT NULL REFERENCES schedules ON DELETE CASCADE,
    limit_id integer NOT NULL REFERENCES limits ON DELETE CASCADE,
    PRIMARY KEY (schedule_id, limit_id)
);
COMMENT ON TABLE schedule_limits IS 'Which limits hold for the campaigns of a schedule.';
COMMENT ON COLUMN schedule_limits.schedule_id IS 'The schedule,';
COMMENT ON COLUMN schedule_limits.limit_id IS 'and a limit that its campaigns get.';
CREATE INDEX schedule_limits_limit_id_idx ON schedule_limits (limit_id);

CREATE TABLE occurrences (
    schedule_id bigint NOT NULL REFERENCES schedules ON DELETE CASCADE,
    due_at timestamptz NOT NULL,
    state occurrence_state NOT NULL,
    reason text,
    number integer,
    campaign_id bigint UNIQUE REFERENCES campaigns,
    decided_by text,
    decided_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (schedule_id, due_at),
    CONSTRAINT occurrences_numbered_by_campaign_check CHECK ((number IS NULL) = (campaign_id IS NULL))
);
COMMENT ON TABLE occurrences IS
    'One row per due time of a schedule, whatever became of it: the key starts each exactly once.';
COMMENT ON COLUMN occurrences.schedule_id IS 'The schedule that came due.';
COMMENT ON COLUMN occurrences.due_at IS 'When it was due.';
COMMENT ON COLUMN occurrences.state IS 'What became of it (docs/states.md).';
COMMENT ON COLUMN occurrences.reason IS 'Why, where that needs a reason.';
COMMENT ON COLUMN occurrences.number IS 'Counts the schedule''s campaigns from 1; null: it made none.';
COMMENT ON COLUMN occurrences.campaign_id IS 'Its campaign; null: none.';
COMMENT ON COLUMN occurrences.decided_by IS 'The operator who started, approved or rejected it; null: nobody had to.';
COMMENT ON COLUMN occurrences.decided_at IS 'When that was.';
COMMENT ON COLUMN occurrences.created_at IS 'When it was noticed.';
CREATE INDEX occurrences_open_idx ON occurrences (schedule_id, due_at) WHERE state IN ('queued', 'held');
