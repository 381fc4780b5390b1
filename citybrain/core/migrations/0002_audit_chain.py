"""What the database itself does for the trail, so that the role that writes rows cannot choose where they stand.

Functions of the owner: a row's id, transaction, time and digest are stamped by a trigger, blocks are made by
`core_seal`, a new era by `core_begin_era`. citybrain.core.chain verifies all of it independently.
"""

from django.db import migrations

DIGEST = r"""
CREATE FUNCTION core_microseconds(moment timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT (extract(epoch FROM moment) * 1000000)::bigint::text $$;

-- Each part stands behind its length, so that no two rows share a canonical form.
CREATE FUNCTION core_audit_digest(r core_auditrow) RETURNS bytea
LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(string_agg(length(part) || ':' || part, '' ORDER BY place), 'UTF8'))
      FROM unnest(ARRAY[
           r.id::text, r.xid::text, core_microseconds(r.at), core_microseconds(r.written_at),
           coalesce(r.actor::text, ''), r.role, r.holding, r.deed, r.purpose, r.outcome,
           array_to_string(r.subjects, ','), r.target, r.detail::text
      ]) WITH ORDINALITY AS parts (part, place)
$$;

CREATE FUNCTION core_system_identifier() RETURNS text
LANGUAGE sql STABLE AS $$ SELECT system_identifier::text FROM pg_control_system() $$;

CREATE FUNCTION core_require_present_era() RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    known text;
BEGIN
    SELECT system_identifier INTO known FROM core_xidera ORDER BY id DESC LIMIT 1;
    IF known <> core_system_identifier() THEN
        RAISE EXCEPTION 'this database was restored into another cluster: stop everything, run manage.py after_restore'
            USING ERRCODE = 'CB001';
    END IF;
END $$;

-- The trigger numbers the rows; an identity column would spend a number beside it.
ALTER TABLE core_auditrow ALTER COLUMN id DROP IDENTITY;
CREATE SEQUENCE core_auditrow_id_seq OWNED BY core_auditrow.id;

CREATE FUNCTION core_stamp_auditrow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM core_require_present_era();
    NEW.id := nextval('core_auditrow_id_seq');
    NEW.xid := pg_current_xact_id();
    NEW.written_at := clock_timestamp();
    NEW.digest := core_audit_digest(NEW);
    RETURN NEW;
END $$;

CREATE TRIGGER core_stamp_auditrow BEFORE INSERT ON core_auditrow
FOR EACH ROW EXECUTE FUNCTION core_stamp_auditrow();
"""

SEAL = r"""
-- Links the rows of the transactions [start, stop) with start <= xid < stop and id <= upto into the next block.
-- Returns its number, or nothing when there are no rows. The caller holds the lock on core_auditblock.
CREATE FUNCTION core_append_block(era core_xidera, start bigint, stop bigint, upto bigint) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    made core_auditblock;
BEGIN
    SELECT number, hash INTO made.number, made.previous FROM core_auditblock ORDER BY number DESC LIMIT 1;
    made.number := coalesce(made.number, 0) + 1;
    made.previous := coalesce(made.previous, decode(repeat('00', 32), 'hex'));
    SELECT count(*), sha256(coalesce(string_agg(digest, ''::bytea ORDER BY xid, id), ''::bytea))
      INTO made.row_count, made.root
      FROM core_auditrow
     WHERE id > era.after_row AND id <= upto AND xid >= start::text::xid8 AND xid < stop::text::xid8;
    IF made.row_count = 0 THEN
        RETURN NULL;
    END IF;
    made.sealed_at := clock_timestamp();
    made.hash := sha256(convert_to(concat_ws('|',
        made.number, era.id, era.system_identifier, era.after_row, start, stop, made.row_count,
        encode(made.root, 'hex'), encode(made.previous, 'hex'), core_microseconds(made.sealed_at)), 'UTF8'));
    INSERT INTO core_auditblock (number, era_id, xid_from, xid_to, row_count, root, previous, hash, sealed_at)
    VALUES (made.number, era.id, start, stop, made.row_count, made.root, made.previous, made.hash, made.sealed_at);
    RETURN made.number;
END $$;

-- The first transaction of an era that no block covers.
CREATE FUNCTION core_unsealed_from(era core_xidera) RETURNS bigint
LANGUAGE sql STABLE AS $$
    SELECT coalesce((SELECT xid_to FROM core_auditblock WHERE era_id = era.id ORDER BY number DESC LIMIT 1), 0)
$$;

-- Seals about `most` rows below the xmin horizon; the lock is one that the app role cannot take, so it cannot hog it.
CREATE FUNCTION core_seal(most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    era core_xidera;
    start bigint;
    stop bigint;
    horizon bigint;
    first bigint;
BEGIN
    LOCK TABLE core_auditblock IN EXCLUSIVE MODE;
    PERFORM core_require_present_era();
    IF NOT EXISTS (SELECT FROM core_xidera) THEN
        INSERT INTO core_xidera (system_identifier, after_row, started_at)
        VALUES (core_system_identifier(), 0, clock_timestamp());
    END IF;
    SELECT * INTO era FROM core_xidera ORDER BY id DESC LIMIT 1;
    start := core_unsealed_from(era);
    horizon := pg_snapshot_xmin(pg_current_snapshot())::text::bigint;
    SELECT xid::text::bigint INTO first FROM core_auditrow
     WHERE id > era.after_row AND xid >= start::text::xid8 ORDER BY xid, id LIMIT 1;
    SELECT xid::text::bigint INTO stop FROM core_auditrow
     WHERE id > era.after_row AND xid >= start::text::xid8 AND xid < horizon::text::xid8
     ORDER BY xid, id OFFSET most LIMIT 1;
    -- Cut at the edge of a transaction; one that wrote more than `most` rows is a block of its own.
    stop := CASE WHEN stop IS NULL THEN horizon WHEN stop = first THEN stop + 1 ELSE stop END;
    RETURN core_append_block(era, start, stop, 9223372036854775807);
END $$;

-- For the owner, after a restore: seals what the old counter left, then begins an era. False when there is no need.
CREATE FUNCTION core_begin_era() RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
    era core_xidera;
    newest bigint;
BEGIN
    LOCK TABLE core_auditblock IN EXCLUSIVE MODE;
    SELECT * INTO era FROM core_xidera ORDER BY id DESC LIMIT 1;
    IF era.id IS NULL OR era.system_identifier = core_system_identifier() THEN
        RETURN false;
    END IF;
    SELECT coalesce(max(id), 0) INTO newest FROM core_auditrow;
    PERFORM core_append_block(era, core_unsealed_from(era), 9223372036854775807, newest);
    INSERT INTO core_xidera (system_identifier, after_row, started_at)
    VALUES (core_system_identifier(), newest, clock_timestamp());
    RETURN true;
END $$;
"""

UNDO = """
DROP TRIGGER core_stamp_auditrow ON core_auditrow;
DROP FUNCTION core_begin_era(), core_seal(integer), core_unsealed_from(core_xidera),
    core_append_block(core_xidera, bigint, bigint, bigint), core_stamp_auditrow(), core_require_present_era(),
    core_system_identifier(), core_audit_digest(core_auditrow), core_microseconds(timestamptz);
DROP SEQUENCE core_auditrow_id_seq;
ALTER TABLE core_auditrow ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY;
"""


class Migration(migrations.Migration):
    """Functions and the trigger."""

    dependencies = (("core", "0001_initial"),)
    operations = (migrations.RunSQL(DIGEST + SEAL, UNDO),)
