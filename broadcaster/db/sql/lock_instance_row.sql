SELECT /* lock_instance_row */
-- Nobody else lets the instance go on until the transaction ends; what is read after this was committed before.
id
FROM instances
WHERE id = %(instance_id)s
FOR UPDATE
