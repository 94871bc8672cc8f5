-- What is applied to the schema `s`: the digest of the versions, their number, and the last of them in hexadecimal digits;
-- NULL where there is no ledger. The ledger's name is known only while the query runs, and this is the one way to read a table
-- that a row names. Its own statement names every schema, for `s` may be first in the path.
CASE WHEN pg_catalog.to_regclass(pg_catalog.format('%I.__diesel_schema_migrations', s.nspname)) IS NOT NULL THEN
    pg_catalog.substring(
        pg_catalog.query_to_xml(
            pg_catalog.format(
                $ask$
                SELECT pg_catalog.concat_ws(
                    ':',
                    pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
                        pg_catalog.concat(pg_catalog.string_agg(version, ',' ORDER BY version COLLATE pg_catalog."C")),
                        'UTF8')), 'hex'),
                    pg_catalog.count(version),
                    pg_catalog.encode(pg_catalog.convert_to(
                        pg_catalog.concat(pg_catalog.max(version COLLATE pg_catalog."C")), 'UTF8'), 'hex')
                ) AS v FROM %I.__diesel_schema_migrations
                $ask$,
                s.nspname),
            false, false, '')::pg_catalog.text,
        '<v>([^<]*)</v>')
END
