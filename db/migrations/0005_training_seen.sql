-- What people see of a running training beside its log: how far it is, who may report that, what its GPUs do.

-- Where an attempt stands by its own word. Its step never falls: what is read or reported again changes nothing.
CREATE TABLE training_progress (
  key text PRIMARY KEY REFERENCES training_run (key),
  step integer NOT NULL CHECK (step >= 0),
  total integer CHECK (total > 0),
  message text NOT NULL DEFAULT '',
  remaining_seconds integer CHECK (remaining_seconds >= 0),
  at timestamptz NOT NULL DEFAULT now()
);

-- Bearer tokens by which a trainer reports over HTTP, as digests. One that was issued twice has two that hold.
CREATE TABLE progress_token (
  hash text PRIMARY KEY CHECK (hash ~ '^[0-9a-f]{64}$'),
  key text NOT NULL REFERENCES training_run (key),
  at timestamptz NOT NULL DEFAULT now()
);

-- One look at one GPU. What the driver does not tell is null. Energy is integrated when asked for, so that two who looked at the
-- same time count nothing twice.
CREATE TABLE gpu_sample (
  key text NOT NULL REFERENCES training_run (key),
  device text NOT NULL,
  at timestamptz NOT NULL,
  name text NOT NULL,
  utilisation real CHECK (utilisation BETWEEN 0 AND 100),
  memory_mib real CHECK (memory_mib >= 0),
  memory_total_mib real CHECK (memory_total_mib >= 0),
  watts real CHECK (watts >= 0),
  PRIMARY KEY (key, device, at)
);
