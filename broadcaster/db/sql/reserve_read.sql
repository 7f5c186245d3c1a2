-- The lane's next moment for a read, kept free for whoever asks, and how many seconds it is away.
WITH reserved AS (
    UPDATE lanes
    SET next_read_at = greatest(next_read_at, now()) + %(pace)s
    WHERE id = %(lane)s
    RETURNING next_read_at
)
SELECT extract(epoch FROM next_read_at - %(pace)s - now())::double precision AS wait FROM reserved
