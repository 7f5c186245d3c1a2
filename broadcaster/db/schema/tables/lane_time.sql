CREATE TABLE lane_troubles (
    lane_id integer NOT NULL REFERENCES lanes ON DELETE CASCADE,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL DEFAULT 'infinity',
    health lane_health NOT NULL,
    reason text,
    PRIMARY KEY (lane_id, began_at)
) WITH (fillfactor = 50);
COMMENT ON TABLE lane_troubles IS 'When lanes were not ok, and why: what reports show beside what was sent.';
COMMENT ON COLUMN lane_troubles.lane_id IS 'Which lane.';
COMMENT ON COLUMN lane_troubles.began_at IS 'Since when it had this health.';
COMMENT ON COLUMN lane_troubles.ended_at IS 'Until when; infinity: it has it.';
COMMENT ON COLUMN lane_troubles.health IS 'Any but ok.';
COMMENT ON COLUMN lane_troubles.reason IS 'Why, in the gateway''s or the operator''s words, without numbers, as it was when that began.';

CREATE TABLE idle_times (
    campaign_id bigint NOT NULL,
    lane_id integer NOT NULL,
    began_at timestamptz NOT NULL,
    ended_at timestamptz NOT NULL,
    PRIMARY KEY (campaign_id, lane_id, began_at),
    FOREIGN KEY (campaign_id, lane_id) REFERENCES campaign_lanes ON DELETE CASCADE
) WITH (fillfactor = 50);
COMMENT ON TABLE idle_times IS
    'When nothing of a campaign was due on a lane: none is pending, or all that is waits for its moment.';
COMMENT ON COLUMN idle_times.campaign_id IS 'Which campaign,';
COMMENT ON COLUMN idle_times.lane_id IS 'and on which lane.';
COMMENT ON COLUMN idle_times.began_at IS 'Since when.';
COMMENT ON COLUMN idle_times.ended_at IS 'Until when, or until when at the latest; infinity: nobody knows.';
