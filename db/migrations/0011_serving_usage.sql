-- What answering took: absolute numbers of one run of a gateway, by version, month (UTC) and price book. The same numbers again, or
-- larger ones, replace a row.
CREATE TABLE serving_usage (
  model text NOT NULL,
  version integer NOT NULL,
  month date NOT NULL,
  price_book integer NOT NULL REFERENCES price_book (number),
  gateway text NOT NULL,
  epoch bigint NOT NULL,
  predictions bigint NOT NULL CHECK (predictions >= 0),
  processor_us bigint NOT NULL CHECK (processor_us >= 0),
  mebibyte_ms bigint NOT NULL CHECK (mebibyte_ms >= 0),
  -- Millionths of the currency.
  amount bigint NOT NULL CHECK (amount >= 0),
  millijoules bigint NOT NULL CHECK (millijoules >= 0),
  micrograms bigint NOT NULL CHECK (micrograms >= 0),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (model, version, month, price_book, gateway, epoch),
  FOREIGN KEY (model, version) REFERENCES version (model, version)
);

-- What was spent stays spent.
CREATE FUNCTION guard_serving_usage() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.predictions < OLD.predictions OR NEW.processor_us < OLD.processor_us OR NEW.mebibyte_ms < OLD.mebibyte_ms
    OR NEW.amount < OLD.amount OR NEW.millijoules < OLD.millijoules OR NEW.micrograms < OLD.micrograms
  THEN
    RAISE EXCEPTION 'what % used for version % of % only grows', OLD.gateway, OLD.version, OLD.model USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER serving_usage_grows BEFORE UPDATE ON serving_usage FOR EACH ROW EXECUTE FUNCTION guard_serving_usage();
CREATE TRIGGER serving_usage_kept BEFORE DELETE ON serving_usage FOR EACH ROW EXECUTE FUNCTION refuse_change();
