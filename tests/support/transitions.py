"""Makes a test's database refuse every move of a message that is not in the table of transitions."""

from __future__ import annotations

from sqlalchemy import Engine, text

from broadcaster.domain.states import MESSAGE_TRANSITIONS
from tests.support.database import as_owner

_REFUSE = """
CREATE TABLE allowed_moves (source message_state, target message_state);
CREATE FUNCTION refuse_moves() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moves text;
BEGIN
    SELECT string_agg(DISTINCT o.state || ' to ' || n.state, ', ') INTO moves
    FROM old_rows o JOIN new_rows n USING (segment, campaign_id, seq)
    WHERE o.state <> n.state AND (o.state, n.state) NOT IN (SELECT source, target FROM allowed_moves);
    IF moves IS NOT NULL THEN
        RAISE EXCEPTION USING MESSAGE = 'not in the table of transitions: ' || moves;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER refuse_moves AFTER UPDATE ON messages
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION refuse_moves();
GRANT SELECT ON allowed_moves TO PUBLIC;
"""


def enforce_transitions(engine: Engine) -> None:
    """From now on a statement that makes any other move fails."""
    allowed = [
        {"source": source, "target": target} for source, targets in MESSAGE_TRANSITIONS.items() for target in targets
    ]
    with as_owner(engine).begin() as connection:
        connection.exec_driver_sql(_REFUSE)
        connection.execute(
            text("INSERT INTO allowed_moves VALUES (CAST(:source AS message_state), CAST(:target AS message_state))"),
            allowed,
        )
