-- What people did to a monitor. Their words stand in the workflow's history, which is forgotten after a while; here they stay.

CREATE TABLE monitor_act (
  -- The run that the message came to, and the how many-th act of it this was: written twice it makes one row.
  run_id text NOT NULL,
  number integer NOT NULL CHECK (number > 0),
  model text NOT NULL REFERENCES model (name),
  act text NOT NULL CHECK (act IN ('pause', 'resume', 'configure', 'retire')),
  by text NOT NULL,
  reason text NOT NULL,
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, number)
);
CREATE TRIGGER monitor_act_append_only BEFORE UPDATE OR DELETE ON monitor_act FOR EACH ROW EXECUTE FUNCTION refuse_change();

-- Nobody ever wrote it: versions, snapshots and evaluations name their artifacts themselves, and the store knows the rest.
DROP TABLE artifact;
