-- Losses of single tokens, of the validation items for which they are kept; written with a checkpoint.
CREATE TABLE item_tokens (
  run_id  text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  item_id text NOT NULL,
  texts   text[] NOT NULL,
  counted boolean[] NOT NULL,
  PRIMARY KEY (run_id, item_id)
);
CREATE TABLE token_loss (
  run_id  text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  item_id text NOT NULL,
  step    int NOT NULL,
  losses  bytea NOT NULL,
  PRIMARY KEY (run_id, item_id, step)
);
