-- Directories listen on the channel that is called as this schema. What is sent is what `Notice` reads: `tenant <schema>`,
-- `domain <domain>`, `versions`, `all`. A notification of the same text is sent once in a transaction.
--
-- The arguments of a trigger are pairs: what is told of, and the column that names it. Without any, all is told of.
CREATE FUNCTION {s}.tell_directories() RETURNS trigger LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp AS $function$
DECLARE
    before jsonb := CASE WHEN TG_LEVEL = 'ROW' AND TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_LEVEL = 'ROW' AND TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
    one text;
BEGIN
    IF TG_NARGS = 0 THEN
        PERFORM pg_notify({name}, 'all');
    ELSE
        FOR i IN 0 .. TG_NARGS / 2 - 1 LOOP
            FOREACH one IN ARRAY ARRAY[before ->> TG_ARGV[2 * i + 1], after ->> TG_ARGV[2 * i + 1]] LOOP
                IF one IS NOT NULL THEN
                    PERFORM pg_notify({name}, TG_ARGV[2 * i] || ' ' || one);
                END IF;
            END LOOP;
        END LOOP;
    END IF;
    RETURN NULL;
END
$function$;
COMMENT ON FUNCTION {s}.tell_directories() IS 'Tells the directories of all processes what changed in a row';

-- Whoever changes it, and only what a directory could know: a run of migrations changes the versions of thousands of
-- schemas, and tells of that once.
CREATE TRIGGER tell_of_states AFTER UPDATE ON {s}.schemas FOR EACH ROW
    WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.name IS DISTINCT FROM NEW.name)
    EXECUTE FUNCTION {s}.tell_directories('tenant', 'name');
CREATE TRIGGER tell_of_births_and_deaths AFTER INSERT OR DELETE ON {s}.schemas FOR EACH ROW
    EXECUTE FUNCTION {s}.tell_directories('tenant', 'name');
CREATE TRIGGER tell_of_all AFTER TRUNCATE ON {s}.schemas FOR EACH STATEMENT
    EXECUTE FUNCTION {s}.tell_directories();
