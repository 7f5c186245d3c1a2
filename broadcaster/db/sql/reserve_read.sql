-- The lane's next moment for a read, kept free for whoever asks, and how many seconds it is away. One that lies further
-- ahead than the longest rest was kept by a clock that has been put back.
WITH reserved AS (
    UPDATE lanes
    SET next_read_at = %(pace)s + CASE
        WHEN next_read_at > now() + %(longest)s + interval '1 s' THEN now()
        ELSE greatest(next_read_at, now())
    END
    WHERE id = %(lane)s
    RETURNING next_read_at
)
SELECT extract(epoch FROM next_read_at - %(pace)s - now())::double precision AS wait FROM reserved
