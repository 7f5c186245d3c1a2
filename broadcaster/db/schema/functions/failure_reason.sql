-- What a message that was not sent is counted under. Gateways may say something different each time, and name whom they
-- speak of: what is counted is nobody's.
CREATE FUNCTION failure_reason(reason text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN left(without_numbers(coalesce(reason, '')), 300);
