-- People who raise a budget, and trainings that wait for one who does.

-- An extension by the id that its sender gave it: the same id a second time raises nothing.
CREATE TABLE budget_extension (
  id text PRIMARY KEY,
  scope text NOT NULL,
  name text NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  extended_by text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (scope, name) REFERENCES budget (scope, name)
);
CREATE TRIGGER budget_extension_append_only BEFORE UPDATE OR DELETE ON budget_extension FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- An attempt that only money ended, and what its delivery waits for. The wait is over when the delivery has a later attempt or an outcome.
CREATE TABLE money_wait (
  key text PRIMARY KEY REFERENCES training_run (key),
  team text NOT NULL,
  -- What the next attempt must find in each budget over it to begin.
  needs bigint NOT NULL CHECK (needs >= 0),
  since timestamptz NOT NULL DEFAULT now(),
  until timestamptz NOT NULL
);
CREATE TRIGGER money_wait_append_only BEFORE UPDATE OR DELETE ON money_wait FOR EACH ROW EXECUTE FUNCTION refuse_change();

CREATE FUNCTION guard_money_wait() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM training_run WHERE key = NEW.key AND outcome ->> 'error' = 'BUDGET_EXCEEDED') THEN
    RAISE EXCEPTION 'training attempt % did not end for want of money', NEW.key USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER money_wait_guarded BEFORE INSERT ON money_wait FOR EACH ROW EXECUTE FUNCTION guard_money_wait();
