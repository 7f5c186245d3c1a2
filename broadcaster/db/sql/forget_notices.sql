DELETE /* forget_notices */
-- What was noted %(kept)s ago, with its deliveries, unless a look may still find it for the first time after a long rest.
FROM notices n
WHERE n.noted_at < now() - %(kept)s
    AND n.noted_at < (SELECT t.done_at - interval '1 day' FROM ticks t WHERE t.name = 'notices')
