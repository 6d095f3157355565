-- Which training holds which GPU, and which ones wait for some.

-- One row a device: so a device has one holder at a time, however many ask. It is free without a key, or once its time is over.
CREATE TABLE gpu_lease (
  host text NOT NULL,
  device integer NOT NULL CHECK (device >= 0),
  class text NOT NULL,
  key text REFERENCES training_run (key),
  -- Rises with every taking: whoever comes with an older one holds the device no more.
  fence bigint NOT NULL DEFAULT 0,
  taken_at timestamptz,
  renewed_at timestamptz,
  expires_at timestamptz,
  PRIMARY KEY (host, device),
  CHECK ((key IS NULL) = (expires_at IS NULL))
);
CREATE INDEX gpu_lease_by_key ON gpu_lease (key) WHERE key IS NOT NULL;

-- One that has not asked again for a while waits no more.
CREATE TABLE gpu_wait (
  host text NOT NULL,
  class text NOT NULL,
  key text NOT NULL REFERENCES training_run (key),
  -- 1 goes first, 5 last.
  priority integer NOT NULL CHECK (priority BETWEEN 1 AND 5),
  since timestamptz NOT NULL DEFAULT now(),
  asked_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (host, key)
);

CREATE FUNCTION guard_gpu_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.fence < OLD.fence THEN
    RAISE EXCEPTION 'the fence of GPU % of % never falls', OLD.device, OLD.host USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.key IS NULL OR NEW.key IS NOT DISTINCT FROM OLD.key THEN RETURN NEW; END IF;
  IF OLD.key IS NOT NULL AND OLD.expires_at > now() THEN
    RAISE EXCEPTION 'GPU % of % is held by %', OLD.device, OLD.host, OLD.key USING ERRCODE = 'check_violation';
  END IF;
  IF NEW.fence = OLD.fence THEN
    RAISE EXCEPTION 'GPU % of % is taken with a new fence', OLD.device, OLD.host USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER gpu_lease_guarded BEFORE UPDATE ON gpu_lease FOR EACH ROW EXECUTE FUNCTION guard_gpu_lease();
