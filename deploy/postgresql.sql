-- The roles and the database of a workspace; run it again at any time, also on a database of a version before 0.4. As PostgreSQL's superuser:
--   sudo -u postgres psql --set=ON_ERROR_STOP=1 --set=database=lineament --file=deploy/postgresql.sql
-- `lineament_owner` makes and upgrades the tables. `lineament` is the program's: it owns nothing, and row-level security binds it.
-- Neither has a password: on one machine each proves itself over the Unix socket (peer, docs/guide/deployment.md).
SELECT format('CREATE ROLE %I LOGIN', name) FROM unnest(ARRAY['lineament', 'lineament_owner']) AS name
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) \gexec
ALTER ROLE lineament NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
ALTER ROLE lineament_owner NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS;
SELECT format('CREATE DATABASE %I OWNER lineament_owner TEMPLATE template0 ENCODING ''UTF8'' LC_COLLATE ''C'' LC_CTYPE ''C''', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
-- A function of the owner looks past the policies, to whom a case is shared with (store/row_security.py).
GRANT SET ON PARAMETER lineament.scope TO lineament_owner;
GRANT CONNECT ON DATABASE :"database" TO lineament, lineament_owner;
\connect :"database"
REASSIGN OWNED BY lineament TO lineament_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO lineament_owner;
GRANT USAGE ON SCHEMA public TO lineament;
GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON ALL TABLES IN SCHEMA public TO lineament;
ALTER DEFAULT PRIVILEGES FOR ROLE lineament_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE, MAINTAIN ON TABLES TO lineament;
