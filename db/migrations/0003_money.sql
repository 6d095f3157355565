-- Money: what machines cost, what may be spent, what was spent. Amounts are millionths of the installation's one currency.

CREATE TABLE price_book (
  number integer PRIMARY KEY CHECK (number > 0),
  digest text NOT NULL,
  currency text NOT NULL,
  content jsonb NOT NULL,
  set_by text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE budget (
  scope text NOT NULL CHECK (scope IN ('team', 'model', 'delivery')),
  -- A delivery's is `model/number`.
  name text NOT NULL,
  period text NOT NULL CHECK (period IN ('month', 'total')),
  currency text NOT NULL,
  soft bigint CHECK (soft >= 0),
  hard bigint CHECK (hard >= 0),
  CHECK (soft IS NOT NULL OR hard IS NOT NULL),
  CHECK (soft <= hard),
  PRIMARY KEY (scope, name)
);

-- That people were told of a soft limit: once a month and limit.
CREATE TABLE budget_notice (
  scope text NOT NULL,
  name text NOT NULL,
  month date NOT NULL,
  soft bigint NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, name, month, soft),
  FOREIGN KEY (scope, name) REFERENCES budget (scope, name)
);

-- How one attempt stands: the sum of its ledger rows, written only by their trigger.
CREATE TABLE training_account (
  key text PRIMARY KEY REFERENCES training_run (key),
  team text NOT NULL,
  model text NOT NULL,
  delivery integer NOT NULL,
  price_book integer NOT NULL REFERENCES price_book (number),
  -- What an hour of this training costs and draws, by the price book it began with.
  rate jsonb NOT NULL,
  sequence integer NOT NULL DEFAULT 0,
  reserved bigint NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  spent bigint NOT NULL DEFAULT 0 CHECK (spent >= 0),
  milliseconds bigint NOT NULL DEFAULT 0,
  -- Of the last division by an hour's milliseconds: so no rounding adds up.
  remainder integer NOT NULL DEFAULT 0 CHECK (remainder >= 0 AND remainder < 3600000),
  millijoules bigint NOT NULL DEFAULT 0,
  micrograms bigint NOT NULL DEFAULT 0,
  settled_at timestamptz
);
CREATE INDEX training_account_open ON training_account (model) WHERE settled_at IS NULL;
CREATE INDEX training_account_by_delivery ON training_account (model, delivery);

CREATE TABLE ledger (
  key text NOT NULL REFERENCES training_account (key),
  sequence integer NOT NULL CHECK (sequence > 0),
  kind text NOT NULL CHECK (kind IN ('reservation', 'usage', 'settlement')),
  amount bigint NOT NULL CHECK (amount >= 0),
  milliseconds bigint NOT NULL DEFAULT 0 CHECK (milliseconds >= 0),
  remainder integer NOT NULL DEFAULT 0,
  millijoules bigint NOT NULL DEFAULT 0 CHECK (millijoules >= 0),
  micrograms bigint NOT NULL DEFAULT 0 CHECK (micrograms >= 0),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (key, sequence),
  CHECK (kind = 'usage' OR (milliseconds = 0 AND millijoules = 0 AND micrograms = 0))
);

-- Usage by delivery and calendar month, UTC: the sum of ledger rows, written only by their trigger.
CREATE TABLE spend (
  team text NOT NULL,
  model text NOT NULL,
  delivery integer NOT NULL,
  month date NOT NULL,
  amount bigint NOT NULL CHECK (amount >= 0),
  milliseconds bigint NOT NULL,
  millijoules bigint NOT NULL,
  micrograms bigint NOT NULL,
  PRIMARY KEY (model, delivery, month, team)
);
CREATE INDEX spend_by_team ON spend (team, month);

CREATE FUNCTION month_of(at timestamptz) RETURNS date LANGUAGE sql IMMUTABLE AS $$
  SELECT date_trunc('month', at AT TIME ZONE 'UTC')::date
$$;

CREATE FUNCTION budget_spent(of budget) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(amount), 0)::bigint FROM spend
  WHERE CASE of.scope WHEN 'team' THEN team = of.name WHEN 'model' THEN model = of.name ELSE model || '/' || delivery = of.name END
    AND (of.period = 'total' OR month = month_of(now()))
$$;

CREATE FUNCTION budget_reserved(of budget) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(reserved), 0)::bigint FROM training_account
  WHERE settled_at IS NULL
    AND CASE of.scope WHEN 'team' THEN team = of.name WHEN 'model' THEN model = of.name ELSE model || '/' || delivery = of.name END
$$;

-- Guards -----------------------------------------------------------------------------------------------------------------

CREATE TRIGGER price_book_append_only BEFORE UPDATE OR DELETE ON price_book FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER ledger_append_only BEFORE UPDATE OR DELETE ON ledger FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Amounts in two currencies cannot be summed: the first price book fixes the one there is.
CREATE FUNCTION guard_currency() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM price_book WHERE currency <> NEW.currency) THEN
    RAISE EXCEPTION 'this installation counts in another currency than %', NEW.currency USING ERRCODE = 'check_violation', CONSTRAINT = 'one_currency';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER price_book_currency BEFORE INSERT ON price_book FOR EACH ROW EXECUTE FUNCTION guard_currency();
CREATE TRIGGER budget_currency BEFORE INSERT OR UPDATE ON budget FOR EACH ROW EXECUTE FUNCTION guard_currency();

-- Every row follows the one before it, so that a second run of the same reckoning fails instead of counting twice. A reservation
-- waits for others on the same budgets and fails where it would pass a hard limit.
CREATE FUNCTION post_to_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  account training_account%ROWTYPE;
  over budget%ROWTYPE;
BEGIN
  SELECT * INTO account FROM training_account WHERE key = NEW.key FOR UPDATE;
  IF account.settled_at IS NOT NULL THEN
    RAISE EXCEPTION 'the account of % is settled', NEW.key USING ERRCODE = 'serialization_failure';
  END IF;
  IF NEW.sequence <> account.sequence + 1 THEN
    RAISE EXCEPTION 'the ledger of % is at %, not %', NEW.key, account.sequence, NEW.sequence - 1 USING ERRCODE = 'serialization_failure';
  END IF;
  IF NEW.kind = 'reservation' THEN
    FOR over IN
      SELECT * FROM budget
      WHERE (scope, name) IN (('team', account.team), ('model', account.model), ('delivery', account.model || '/' || account.delivery))
      ORDER BY scope, name FOR UPDATE
    LOOP
      IF budget_spent(over) + budget_reserved(over) + NEW.amount > over.hard THEN
        RAISE EXCEPTION 'the budget of % % has no room for %', over.scope, over.name, NEW.amount USING ERRCODE = 'check_violation', CONSTRAINT = 'budget_hard';
      END IF;
    END LOOP;
  END IF;
  IF NEW.kind = 'settlement' AND NEW.amount <> account.reserved THEN
    RAISE EXCEPTION 'the settlement of % releases %, not %', NEW.key, account.reserved, NEW.amount USING ERRCODE = 'check_violation';
  END IF;
  UPDATE training_account SET
    sequence = NEW.sequence,
    reserved = CASE NEW.kind WHEN 'reservation' THEN reserved + NEW.amount WHEN 'usage' THEN greatest(0, reserved - NEW.amount) ELSE 0 END,
    spent = spent + CASE NEW.kind WHEN 'usage' THEN NEW.amount ELSE 0 END,
    milliseconds = milliseconds + NEW.milliseconds,
    remainder = CASE NEW.kind WHEN 'usage' THEN NEW.remainder ELSE remainder END,
    millijoules = millijoules + NEW.millijoules,
    micrograms = micrograms + NEW.micrograms,
    settled_at = CASE NEW.kind WHEN 'settlement' THEN NEW.at END
  WHERE key = NEW.key;
  IF NEW.kind = 'usage' THEN
    INSERT INTO spend (team, model, delivery, month, amount, milliseconds, millijoules, micrograms)
    VALUES (account.team, account.model, account.delivery, month_of(NEW.at), NEW.amount, NEW.milliseconds, NEW.millijoules, NEW.micrograms)
    ON CONFLICT (model, delivery, month, team) DO UPDATE SET
      amount = spend.amount + EXCLUDED.amount,
      milliseconds = spend.milliseconds + EXCLUDED.milliseconds,
      millijoules = spend.millijoules + EXCLUDED.millijoules,
      micrograms = spend.micrograms + EXCLUDED.micrograms;
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER ledger_posted BEFORE INSERT ON ledger FOR EACH ROW EXECUTE FUNCTION post_to_ledger();
