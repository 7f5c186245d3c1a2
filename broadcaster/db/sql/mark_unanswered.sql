UPDATE /* mark_unanswered */
-- Marks the candidates who have not answered for long (silent_people).
candidates
SET reason = 'unanswered'
FROM ({silent}) silent
WHERE candidates.phone = silent.phone AND candidates.reason IS NULL
