-- The two roles of docs/security-roles.md, on a Postgres of one's own: what `psql` runs as the administrator.
--
-- OWNER_PASSWORD and RUNTIME_PASSWORD are in its environment. It may be run again, to give the roles other passwords:
--
--     docker compose exec postgres psql --username postgres --file /docker-entrypoint-initdb.d/roles.sql
--
-- What the runtime role may do is granted by `broadcaster db upgrade`.

\set ON_ERROR_STOP on
\getenv owner_password OWNER_PASSWORD
\getenv runtime_password RUNTIME_PASSWORD

-- A statement that fails is logged as a whole, and these hold passwords.
SET log_min_error_statement = panic;

SELECT format('CREATE ROLE %I', name)
FROM unnest(ARRAY['broadcaster_owner', 'broadcaster_runtime']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec

ALTER ROLE broadcaster_owner
    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'owner_password';
ALTER ROLE broadcaster_runtime
    LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'runtime_password';

SELECT 'CREATE DATABASE broadcaster OWNER broadcaster_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'broadcaster')
\gexec

REVOKE ALL ON DATABASE broadcaster, postgres, template1 FROM PUBLIC;
GRANT CONNECT ON DATABASE broadcaster TO broadcaster_runtime;
GRANT SET ON PARAMETER wal_compression TO broadcaster_owner;

-- Nothing here needs large objects, in which whoever is a role could keep what no table shows.
\connect broadcaster
REVOKE EXECUTE ON FUNCTION lo_creat(integer), lo_create(oid), lo_from_bytea(oid, bytea) FROM PUBLIC;
