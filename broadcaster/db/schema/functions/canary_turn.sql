-- Where a message stands among the slices of its campaign's canary, from 0 to 1: it is in those that reach further.
-- Multiples of an irrational number, modulo 1, lie in any interval as often as it is long, wherever one begins to count:
-- so each slice is a sample of the whole list, however that is sorted. The first message is in the first slice. It is
-- another number than the golden ratio, by which messages are dealt to lanes: each slice goes through all of them.
CREATE FUNCTION canary_turn(seq integer) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN (seq - 1) * 0.41421356237309515::float8 - floor((seq - 1) * 0.41421356237309515::float8);
