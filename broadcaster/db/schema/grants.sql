-- What the role may do that commands and workers connect as: exactly this, after each `broadcaster db upgrade`.
-- One privilege a statement: `broadcaster db check` reads from here what the role needs (broadcaster/db/grants.py).
-- What is evidence (messages, attempts, doubts, settlements, counters) it cannot delete, and of a message it changes
-- where it stands and never to whom it goes. Counters are written by the trigger of messages alone.
-- docs/security-roles.md has the table for people.

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role};
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {role};
REVOKE CREATE ON SCHEMA public FROM {role};

-- Large objects belong to nobody's tables. Only a superuser can revoke what Postgres itself lets everybody do; elsewhere
-- the server's administrator does (docs/security-roles.md).
DO $$
BEGIN
    IF (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;
    END IF;
END
$$;

GRANT USAGE ON SCHEMA public TO {role};
-- Campaigns are loaded by way of temporary tables.
GRANT TEMPORARY ON DATABASE {database} TO {role};

GRANT SELECT ON
    accepted_counts, accounts, alembic_version, attempt_hours, attempt_slots, attempts, audience_members, audiences, audit_log,
    campaign_files, campaign_judgements, campaign_lanes, campaign_limits, campaign_plans, campaigns, caps,
    confirmed_opt_outs, consent_records, consents, content_versions, contents, deliveries, doubts, failovers,
    failure_counts, forgetting_key, forgotten_phones, frequency_records, idle_times, inbound_messages, inbox_chats, inboxes,
    instances, known_phones, lane_limits, lane_moves, lane_troubles, lanes, limits, looks, messaged_phones, messages, notices,
    occurrences, opening_hours, openings, opt_outs, opted_out, purges, receivers, recipient_groups,
    rejected_recipients, schedule_lanes, schedule_limits, schedules, settlements, signing_keys, ticks, troubles,
    worker_figures, campaign_report, unsent_counts, failure_report, instance_report, message_log, occurrence_report,
    optouts, replies, undecided_replies, attempt_report, hour_report, speed_report, sent_report, doubt_report,
    reply_report
TO {role};

-- Evidence: what was to be sent, what was tried, what came of it.
GRANT INSERT ON
    attempts, campaign_files, campaigns, content_versions, contents, doubts, rejected_recipients, settlements
TO {role};
GRANT INSERT (
    segment, campaign_id, seq, lane_id, phone, ordinal, recipient_group, variables, next_attempt_at, home_lane_id
) ON messages TO {role};
GRANT INSERT (campaign_id, lane_id, weight) ON campaign_lanes TO {role};
GRANT UPDATE (
    lane_id, state, changed_at, attempt, spent, content_version, next_attempt_at, claim_token, gateway_id, reason
) ON messages TO {role};
GRANT UPDATE (finished_at) ON attempts TO {role};
GRANT UPDATE (
    started_at, ended_at, polls, absences, next_poll_at, reading, is_unread, unreadable_seconds, resolved_as, resolved_at
) ON doubts TO {role};
GRANT UPDATE (
    state, state_reason, source, content_version, priority, recipients_read, recipients_rejected, starts_at, started_at,
    finished_at, rest_taken_at, hours_id, expires_at, audience_filter, care, sharing
) ON campaigns TO {role};
GRANT UPDATE (next_due_at, last_claimed_at, open, retired, sent_before, failed_before, weight) ON campaign_lanes TO {role};
-- Which lanes moved how much is written once, and kept.
GRANT INSERT (campaign_id, from_lane_id, to_lane_id, reason, messages) ON lane_moves TO {role};
GRANT INSERT (campaign_id, lane_id, reason) ON failovers TO {role};
GRANT UPDATE (ended_at, seen_version) ON failovers TO {role};
-- Where careful campaigns stand is the workers' own.
GRANT INSERT, UPDATE ON campaign_judgements TO {role};
-- What was foreseen is written once.
GRANT INSERT ON campaign_plans TO {role};
GRANT USAGE ON SEQUENCE campaigns_id_seq TO {role};

-- What operators keep, and where workers stand.
GRANT INSERT ON
    accounts, audience_members, audiences, campaign_limits, instances, lane_limits, lanes, limits, looks, occurrences,
    opening_hours, openings, recipient_groups, schedule_lanes, schedule_limits, schedules, ticks, worker_figures
TO {role};
GRANT UPDATE (opens_at, closes_at, reckoned_at) ON openings TO {role};
GRANT UPDATE ON
    accounts, audience_members, audiences, instances, lanes, limits, looks, occurrences, schedules, ticks, worker_figures
TO {role};
GRANT DELETE ON
    audience_members, audiences, campaign_limits, instances, lane_limits, limits, looks, schedule_lanes,
    schedule_limits, schedules, worker_figures
TO {role};

-- Who was forgotten stays so until the person has agreed again; a function forgets. The key is made once, and sealed anew.
GRANT DELETE ON forgotten_phones TO {role};
GRANT INSERT ON forgetting_key TO {role};
GRANT UPDATE (key_encrypted) ON forgetting_key TO {role};
GRANT EXECUTE ON FUNCTION forget_phone(text[], bytea[], bytea) TO {role};

-- What proofs are signed with: made, sealed anew and replaced. Public keys stay as they are.
GRANT INSERT (public_key, key_encrypted) ON signing_keys TO {role};
GRANT UPDATE (key_encrypted) ON signing_keys TO {role};

-- Opt-outs are evidence: written, ended and never rewritten. A trigger keeps what the claim looks up.
GRANT INSERT (phone, forms, lane_id, way, words, inbound_id) ON opt_outs TO {role};
GRANT UPDATE (ended_at, ended_way, ended_operator, ended_command, ended_words, ended_inbound_id) ON opt_outs TO {role};

-- So is who has had a confirmation of one.
GRANT INSERT (lane_id, phone, opt_out_id) ON confirmed_opt_outs TO {role};

-- Consents are written, and never rewritten.
GRANT INSERT (phone, forms, source, words, given_on, came_with) ON consent_records TO {role};

-- What people wrote is evidence too. How far an account was read is the workers' own.
GRANT INSERT ON inbound_messages, inbox_chats, inboxes TO {role};
GRANT UPDATE ON inbox_chats, inboxes TO {role};
GRANT DELETE ON inbox_chats TO {role};
-- Whom an account knows, as its lists last said.
GRANT INSERT (account_id, phone, is_contact), DELETE ON known_phones TO {role};

-- How often a person gets messages, and when each was messaged lately.
GRANT INSERT ON caps, frequency_records, messaged_phones TO {role};
GRANT UPDATE ON caps, frequency_records, messaged_phones TO {role};
GRANT DELETE ON caps, frequency_records, messaged_phones TO {role};

-- Whom to tell of what, and how far that has come. What was noted stays as it is, until it is old.
GRANT INSERT ON deliveries, notices, receivers, troubles TO {role};
GRANT UPDATE ON receivers, troubles TO {role};
GRANT UPDATE (tries, next_try_at, delivered_at, given_up_at, answer, campaign_id) ON deliveries TO {role};
GRANT DELETE ON notices, receivers, troubles TO {role};

-- The audit trail: triggers write it.
GRANT EXECUTE ON FUNCTION note_operation(text, text, jsonb) TO {role};

-- Segments of large campaigns.
GRANT EXECUTE ON FUNCTION
    open_segment(bigint, boolean), index_segment(bigint), delete_repeated_of_segment(bigint),
    number_repeated_of_segment(bigint, integer), attach_segment(bigint)
TO {role};

-- What nothing has left of, as if it had not been.
GRANT EXECUTE ON FUNCTION remove_campaign(bigint) TO {role};

-- What is personal of a campaign that ended more than a day ago.
GRANT EXECUTE ON FUNCTION purge_campaign(bigint, interval), purge_inbound(interval, integer) TO {role};
