-- What Perennial remembers. Numbered, never edited once landed. Guards stand here, so that no second worker, stale retry or
-- hand-made call can do what the workflows would not.

CREATE TABLE model (
  name text PRIMARY KEY,
  team text NOT NULL,
  current_spec text,
  created_at timestamptz NOT NULL DEFAULT now(),
  retired_at timestamptz
);

CREATE TABLE spec (
  digest text PRIMARY KEY,
  model text NOT NULL REFERENCES model (name),
  content jsonb NOT NULL,
  registered_by text NOT NULL,
  registered_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE model ADD FOREIGN KEY (current_spec) REFERENCES spec (digest);

CREATE TABLE delivery (
  model text NOT NULL REFERENCES model (name),
  number integer NOT NULL CHECK (number > 0),
  workflow_id text NOT NULL,
  -- First run of the chain: opening a delivery twice gives the same number.
  first_run_id text NOT NULL UNIQUE,
  trigger text NOT NULL,
  requested_by text NOT NULL,
  reason text NOT NULL DEFAULT '',
  spec_digest text NOT NULL REFERENCES spec (digest),
  window_from timestamptz,
  window_to timestamptz,
  snapshot_digest text,
  stage text NOT NULL,
  outcome text,
  explanation text NOT NULL DEFAULT '',
  opened_at timestamptz NOT NULL DEFAULT now(),
  closed_at timestamptz,
  PRIMARY KEY (model, number),
  CHECK ((outcome IS NULL) = (closed_at IS NULL))
);
CREATE UNIQUE INDEX delivery_one_running ON delivery (model) WHERE outcome IS NULL;

CREATE TABLE delivery_stage (
  model text NOT NULL,
  delivery integer NOT NULL,
  stage text NOT NULL,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  detail jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (model, delivery, stage),
  FOREIGN KEY (model, delivery) REFERENCES delivery (model, number)
);

CREATE TABLE artifact (
  sha256 text PRIMARY KEY,
  uri text NOT NULL,
  bytes bigint NOT NULL,
  kind text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE snapshot (
  digest text PRIMARY KEY,
  model text NOT NULL REFERENCES model (name),
  manifest jsonb NOT NULL,
  content jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE check_result (
  model text NOT NULL,
  delivery integer NOT NULL,
  name text NOT NULL,
  finding jsonb NOT NULL,
  PRIMARY KEY (model, delivery, name),
  FOREIGN KEY (model, delivery) REFERENCES delivery (model, number)
);

CREATE TABLE validation (
  model text NOT NULL,
  delivery integer NOT NULL,
  content jsonb NOT NULL,
  quarantined bigint NOT NULL,
  PRIMARY KEY (model, delivery),
  FOREIGN KEY (model, delivery) REFERENCES delivery (model, number)
);

CREATE TABLE training_run (
  model text NOT NULL,
  delivery integer NOT NULL,
  attempt integer NOT NULL CHECK (attempt > 0),
  key text NOT NULL UNIQUE,
  backend text NOT NULL,
  outcome jsonb,
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  PRIMARY KEY (model, delivery, attempt),
  FOREIGN KEY (model, delivery) REFERENCES delivery (model, number)
);

CREATE TABLE metric (
  key text NOT NULL REFERENCES training_run (key),
  name text NOT NULL,
  step integer NOT NULL,
  value double precision NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (key, name, step)
);

CREATE TABLE training_log (
  key text NOT NULL REFERENCES training_run (key),
  line_offset bigint NOT NULL,
  line text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (key, line_offset)
);

CREATE TABLE evaluation (
  model text NOT NULL,
  delivery integer NOT NULL,
  model_sha256 text NOT NULL,
  content jsonb NOT NULL,
  verdict text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, delivery),
  FOREIGN KEY (model, delivery) REFERENCES delivery (model, number)
);

CREATE TABLE gate_verdict (
  model text NOT NULL,
  delivery integer NOT NULL,
  name text NOT NULL,
  verdict text NOT NULL CHECK (verdict IN ('pass', 'fail', 'inconclusive', 'error')),
  finding jsonb NOT NULL,
  PRIMARY KEY (model, delivery, name),
  FOREIGN KEY (model, delivery) REFERENCES delivery (model, number)
);

CREATE TABLE policy_decision (
  model text NOT NULL,
  delivery integer NOT NULL,
  name text NOT NULL,
  engine text NOT NULL,
  expression text NOT NULL,
  input jsonb NOT NULL,
  result boolean NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, delivery, name),
  FOREIGN KEY (model, delivery) REFERENCES delivery (model, number)
);

CREATE TABLE version (
  model text NOT NULL REFERENCES model (name),
  version integer NOT NULL CHECK (version > 0),
  delivery integer NOT NULL,
  artifact jsonb NOT NULL,
  -- Distribution that drift is measured against, and the golden predictions.
  reference jsonb NOT NULL,
  golden jsonb NOT NULL,
  evidence text NOT NULL,
  evidence_content jsonb NOT NULL,
  metrics jsonb NOT NULL,
  lineage jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, version),
  UNIQUE (model, delivery),
  FOREIGN KEY (model, delivery) REFERENCES delivery (model, number)
);

CREATE TABLE approval (
  model text NOT NULL,
  delivery integer NOT NULL,
  version integer NOT NULL,
  evidence text NOT NULL,
  policy jsonb NOT NULL,
  requested_by text NOT NULL,
  summary text NOT NULL,
  standing text NOT NULL CHECK (standing IN ('open', 'approved', 'rejected', 'expired', 'withdrawn')),
  opened_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz NOT NULL,
  closed_at timestamptz,
  PRIMARY KEY (model, delivery),
  FOREIGN KEY (model, version) REFERENCES version (model, version)
);

CREATE TABLE vote (
  model text NOT NULL,
  delivery integer NOT NULL,
  by text NOT NULL,
  vote text NOT NULL CHECK (vote IN ('approve', 'reject')),
  reason text NOT NULL,
  evidence text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, delivery, by),
  FOREIGN KEY (model, delivery) REFERENCES approval (model, delivery)
);

-- Answers to decisions by message, so that a repeated message gets the first answer.
CREATE TABLE admission (
  model text NOT NULL,
  delivery integer NOT NULL,
  message_id text NOT NULL,
  decision jsonb NOT NULL,
  answer jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, delivery, message_id)
);

CREATE TABLE alias (
  model text NOT NULL,
  name text NOT NULL,
  version integer NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, name),
  FOREIGN KEY (model, version) REFERENCES version (model, version)
);

CREATE TABLE release (
  run_id text PRIMARY KEY,
  model text NOT NULL,
  version integer NOT NULL,
  champion integer,
  delivery integer NOT NULL,
  workflow_id text NOT NULL,
  status text NOT NULL,
  step integer NOT NULL DEFAULT 0,
  steps jsonb NOT NULL,
  requested_by text NOT NULL,
  reason text NOT NULL DEFAULT '',
  started_at timestamptz NOT NULL DEFAULT now(),
  ended_at timestamptz,
  FOREIGN KEY (model, version) REFERENCES version (model, version)
);
CREATE INDEX release_by_model ON release (model, started_at DESC);

CREATE TABLE release_step (
  model text NOT NULL,
  delivery integer NOT NULL,
  version integer NOT NULL,
  step integer NOT NULL,
  look integer NOT NULL,
  judgement jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, delivery, version, step, look)
);

CREATE TABLE route (
  model text NOT NULL REFERENCES model (name),
  -- The fencing token: a mover names the revision it has seen.
  revision integer NOT NULL CHECK (revision > 0),
  salt text NOT NULL,
  arms jsonb NOT NULL,
  -- Names the act that made it (release, step), so that its repetition finds it again.
  act text NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, revision),
  UNIQUE (model, act)
);

CREATE TABLE prediction (
  model text NOT NULL,
  id text NOT NULL,
  gateway text NOT NULL,
  epoch bigint NOT NULL,
  sequence bigint NOT NULL,
  version integer NOT NULL,
  role text NOT NULL,
  revision integer NOT NULL,
  entity text NOT NULL,
  event_time timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  latency_us integer NOT NULL,
  -- Null when the model failed to answer; `error` then says why.
  score double precision,
  error text,
  inputs jsonb NOT NULL
) PARTITION BY RANGE (received_at);
CREATE TABLE prediction_default PARTITION OF prediction DEFAULT;
CREATE INDEX prediction_by_id ON prediction (model, id);
CREATE INDEX prediction_by_event ON prediction (model, event_time);

-- What of a gateway's journal is stored: written in the transaction that stores it.
CREATE TABLE gateway_mark (
  gateway text NOT NULL,
  epoch bigint NOT NULL,
  sequence bigint NOT NULL,
  dropped bigint NOT NULL DEFAULT 0,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (gateway, epoch)
);

CREATE TABLE label (
  model text NOT NULL,
  id text NOT NULL,
  label smallint NOT NULL CHECK (label IN (0, 1)),
  event_time timestamptz,
  received_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, id)
);
CREATE INDEX label_by_arrival ON label (model, received_at);

CREATE TABLE window_count (
  model text NOT NULL,
  version integer NOT NULL,
  role text NOT NULL,
  revision integer NOT NULL,
  window_start timestamptz NOT NULL,
  gateway text NOT NULL,
  epoch bigint NOT NULL,
  counts jsonb NOT NULL,
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, version, role, revision, window_start, gateway, epoch)
);
CREATE INDEX window_count_by_update ON window_count (model, updated_at);

CREATE TABLE drift_report (
  model text NOT NULL REFERENCES model (name),
  check_number integer NOT NULL,
  version integer NOT NULL,
  report jsonb NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, check_number)
);

CREATE TABLE retraining_decision (
  model text NOT NULL REFERENCES model (name),
  check_number integer NOT NULL,
  action text NOT NULL,
  trigger text,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, check_number)
);

CREATE TABLE audit_entry (
  sequence bigint PRIMARY KEY,
  at timestamptz NOT NULL,
  actor text NOT NULL,
  action text NOT NULL,
  subject text NOT NULL,
  detail jsonb NOT NULL,
  previous_hash text NOT NULL,
  hash text NOT NULL UNIQUE
);
CREATE TABLE audit_head (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  sequence bigint NOT NULL,
  hash text NOT NULL
);
INSERT INTO audit_head (sequence, hash) VALUES (0, repeat('0', 64));

CREATE TABLE outbox (
  id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- Names the event itself: telling it twice makes one row.
  key text NOT NULL UNIQUE,
  type text NOT NULL,
  subject text NOT NULL,
  payload jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  sent_at timestamptz,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX outbox_unsent ON outbox (next_attempt_at) WHERE sent_at IS NULL;

-- Guards -----------------------------------------------------------------------------------------------------------------

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER spec_append_only BEFORE UPDATE OR DELETE ON spec FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER version_append_only BEFORE UPDATE OR DELETE ON version FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER vote_append_only BEFORE UPDATE OR DELETE ON vote FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER route_append_only BEFORE UPDATE OR DELETE ON route FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit_entry FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- A route's revision is its predecessor's plus one: a mover that has not seen the newest one fails.
CREATE FUNCTION fence_route() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE newest integer;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('route/' || NEW.model));
  SELECT coalesce(max(revision), 0) INTO newest FROM route WHERE model = NEW.model;
  IF NEW.revision <> newest + 1 THEN
    RAISE EXCEPTION 'route of % is at revision %, not %', NEW.model, newest, NEW.revision - 1 USING ERRCODE = 'serialization_failure';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER route_fenced BEFORE INSERT ON route FOR EACH ROW EXECUTE FUNCTION fence_route();

CREATE FUNCTION tell_route() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('perennial_route', NEW.model || ':' || NEW.revision);
  RETURN NULL;
END $$;
CREATE TRIGGER route_told AFTER INSERT ON route FOR EACH ROW EXECUTE FUNCTION tell_route();

-- A champion has an approval of exactly its evidence, and no failed gate.
CREATE FUNCTION guard_champion() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE promoted version%ROWTYPE;
BEGIN
  IF NEW.name <> 'champion' THEN RETURN NEW; END IF;
  SELECT * INTO promoted FROM version WHERE model = NEW.model AND version = NEW.version;
  IF NOT EXISTS (
    SELECT 1 FROM approval
    WHERE model = NEW.model AND version = NEW.version AND standing = 'approved' AND evidence = promoted.evidence
  ) THEN
    RAISE EXCEPTION '% v% has no approval of its evidence', NEW.model, NEW.version USING ERRCODE = 'check_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM gate_verdict WHERE model = NEW.model AND delivery = promoted.delivery AND verdict IN ('fail', 'error')
  ) THEN
    RAISE EXCEPTION '% v% has a failed gate', NEW.model, NEW.version USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER alias_champion_guarded BEFORE INSERT OR UPDATE ON alias FOR EACH ROW EXECUTE FUNCTION guard_champion();

-- Makes the partition of one UTC day; harmless when it exists.
CREATE FUNCTION make_prediction_partition(day date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE partition text := 'prediction_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF to_regclass(partition) IS NOT NULL THEN RETURN false; END IF;
  EXECUTE format('CREATE TABLE %I PARTITION OF prediction FOR VALUES FROM (%L) TO (%L)', partition,
    day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
  RETURN true;
END $$;
