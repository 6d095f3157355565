-- Searches: one delivery trains several times, each trial by parameters of its own, and the best one's model goes on.

-- Which trial of its delivery's search it belongs to; 0 where nothing is searched.
ALTER TABLE training_run ADD COLUMN trial integer NOT NULL DEFAULT 0 CHECK (trial >= 0);
ALTER TABLE training_run DROP CONSTRAINT training_run_pkey;
ALTER TABLE training_run ADD PRIMARY KEY (model, delivery, trial, attempt);

-- What happened to each trial, in one order: so the study that suggested its parameters can be built again.
CREATE TABLE trial (
  model text NOT NULL,
  delivery integer NOT NULL,
  number integer NOT NULL CHECK (number > 0),
  event text NOT NULL CHECK (event IN ('asked', 'judged', 'complete', 'pruned', 'failed', 'chosen')),
  -- Of all events of the search; given by the trigger.
  sequence integer NOT NULL DEFAULT 0 CHECK (sequence > 0),
  parameters jsonb,
  -- The last event that the suggestion knew of.
  seen integer CHECK (seen >= 0 AND seen < sequence),
  value double precision CHECK (value NOT IN ('NaN', 'Infinity', '-Infinity')),
  step integer CHECK (step >= 0),
  attempts integer CHECK (attempts >= 0),
  artifact jsonb,
  -- Why it was to be stopped early, with all that it was compared with.
  judgement jsonb,
  reason text NOT NULL DEFAULT '',
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, delivery, number, event),
  UNIQUE (model, delivery, sequence),
  FOREIGN KEY (model, delivery) REFERENCES delivery (model, number),
  CHECK ((event = 'asked') = (parameters IS NOT NULL AND seen IS NOT NULL)),
  CHECK ((event = 'judged') = (judgement IS NOT NULL)),
  CHECK ((event = 'complete') = (artifact IS NOT NULL)),
  CHECK (event <> 'complete' OR value IS NOT NULL)
);
CREATE UNIQUE INDEX trial_told_once ON trial (model, delivery, number) WHERE event IN ('complete', 'pruned', 'failed');
CREATE UNIQUE INDEX trial_chosen_once ON trial (model, delivery) WHERE event = 'chosen';
CREATE TRIGGER trial_append_only BEFORE UPDATE OR DELETE ON trial FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- One event of a search at a time; none of a trial that was not asked for, and only one that came to its end is chosen.
CREATE FUNCTION follow_trial() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE needed text;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('trial/' || NEW.model || '/' || NEW.delivery));
  SELECT coalesce(max(sequence), 0) + 1 INTO NEW.sequence FROM trial WHERE model = NEW.model AND delivery = NEW.delivery;
  needed := CASE NEW.event WHEN 'asked' THEN NULL WHEN 'pruned' THEN 'judged' WHEN 'chosen' THEN 'complete' ELSE 'asked' END;
  IF needed IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM trial WHERE model = NEW.model AND delivery = NEW.delivery AND number = NEW.number AND event = needed
  ) THEN
    RAISE EXCEPTION 'trial % of %/% cannot be % before it was %', NEW.number, NEW.model, NEW.delivery, NEW.event, needed USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER trial_followed BEFORE INSERT ON trial FOR EACH ROW EXECUTE FUNCTION follow_trial();

-- The trial that stands for the training of its delivery: the one that was chosen, else the newest; 0 where nothing is searched.
CREATE FUNCTION standing_trial(of_model text, of_delivery integer) RETURNS integer LANGUAGE sql STABLE AS $$
  SELECT coalesce(
    (SELECT number FROM trial WHERE model = of_model AND delivery = of_delivery AND event = 'chosen'),
    (SELECT max(trial) FROM training_run WHERE model = of_model AND delivery = of_delivery),
    0)
$$;

-- Attempts supersede those of the same trial only.
CREATE OR REPLACE FUNCTION fence_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE run training_run%ROWTYPE;
BEGIN
  SELECT * INTO run FROM training_run WHERE key = NEW.key;
  PERFORM lock_training(run.model, run.delivery);
  IF EXISTS (SELECT 1 FROM training_run WHERE key = NEW.key AND outcome IS NOT NULL) OR EXISTS (
    SELECT 1 FROM training_run
    WHERE model = run.model AND delivery = run.delivery AND trial = run.trial AND attempt > run.attempt
  ) THEN
    RAISE EXCEPTION 'training attempt % has ended: it can add no checkpoint', NEW.key USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION fence_training_run() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM lock_training(NEW.model, NEW.delivery);
  IF TG_OP = 'INSERT' THEN RETURN NEW; END IF;
  IF NEW.outcome IS NOT DISTINCT FROM OLD.outcome THEN RETURN NEW; END IF;
  IF OLD.outcome IS NOT NULL THEN
    RAISE EXCEPTION 'training attempt % has an outcome', NEW.key USING ERRCODE = 'restrict_violation';
  END IF;
  IF EXISTS (
    SELECT 1 FROM training_run
    WHERE model = NEW.model AND delivery = NEW.delivery AND trial = NEW.trial AND attempt > NEW.attempt
  ) THEN
    RAISE EXCEPTION 'training attempt % was superseded', NEW.key USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
