-- The loss of each validation item at each evaluation, one row for each; written with the checkpoint of the same step.
CREATE TABLE item_loss (
  run_id   text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  step     int NOT NULL,
  item_ids text[] NOT NULL,
  losses   float8[] NOT NULL,
  tokens   int[] NOT NULL,
  PRIMARY KEY (run_id, step)
);
