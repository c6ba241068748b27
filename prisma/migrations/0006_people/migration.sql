-- What people say of answers, each under a name of their own.
CREATE TABLE annotation (
  run_id     text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  item_id    text NOT NULL,
  annotator  text NOT NULL,
  verdict    text CHECK (verdict IN ('good', 'bad')),
  tags       text[] NOT NULL DEFAULT '{}',
  comment    text NOT NULL DEFAULT '',
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, item_id, annotator)
);

-- Which of two answers somebody prefers who did not know whose they are. A pair of runs stands in one order only.
CREATE TABLE preference (
  run_one    text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  run_two    text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  item_id    text NOT NULL,
  annotator  text NOT NULL,
  choice     text NOT NULL CHECK (choice IN ('one', 'two', 'tie')),
  -- Whose answer stood on the left, to tell whether the side had a say.
  left_run   text NOT NULL,
  updated_at timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (run_one, run_two, item_id, annotator),
  CHECK (run_one < run_two),
  CHECK (left_run IN (run_one, run_two))
);
CREATE INDEX preference_of_second ON preference (run_two);
