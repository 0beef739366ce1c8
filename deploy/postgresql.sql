-- The role and the database of a workspace. As PostgreSQL's superuser:
--   sudo -u postgres psql --set=ON_ERROR_STOP=1 --set=database=lineament --file=deploy/postgresql.sql
-- The role has no password: on one machine the user `lineament` proves itself over the Unix socket (peer).
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'lineament') AS missing \gset
\if :missing
CREATE ROLE lineament LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
\endif
CREATE DATABASE :"database" OWNER lineament TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C';
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
\connect :"database"
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO lineament;
