-- Experiments, their runs, and everything that a run leaves behind.
-- Floats stand in float8 columns, never in json: NaN and infinity are data.
-- json instead of jsonb keeps the order of axes and parameters as they were written.

CREATE TABLE experiment (
  id             text PRIMARY KEY,
  seq            bigserial NOT NULL UNIQUE,
  name           text NOT NULL,
  kind           text NOT NULL CHECK (kind IN ('prompt', 'lora', 'rag', 'pretrain')),
  dataset        text NOT NULL,
  dataset_hash   text NOT NULL,
  spec           json NOT NULL,
  axes           json NOT NULL,
  metrics        text[] NOT NULL,
  primary_metric text NOT NULL,
  tags           text[] NOT NULL,
  notes          text NOT NULL,
  status         text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  created_at     timestamptz(3) NOT NULL DEFAULT now(),
  finished_at    timestamptz(3)
);

CREATE TABLE run (
  id                  text PRIMARY KEY,
  seq                 bigserial NOT NULL UNIQUE,
  experiment_id       text NOT NULL REFERENCES experiment (id) ON DELETE CASCADE,
  kind                text NOT NULL,
  name                text NOT NULL,
  cell                int NOT NULL,
  repeat              int NOT NULL,
  seed                int NOT NULL,
  params              json NOT NULL,
  varied              json NOT NULL,
  dataset             text NOT NULL,
  dataset_hash        text NOT NULL,
  color_slot          int NOT NULL,
  status              text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
  attempt             int NOT NULL DEFAULT 0,
  progress_attempt    int NOT NULL DEFAULT 0,
  deaths              int NOT NULL DEFAULT 0,
  progress            json,
  summary             json,
  error               json,
  environment         json,
  picked_step         int,
  worker              text,
  cancel_requested_at timestamptz(3),
  heartbeat_at        timestamptz(3),
  claimed_at          timestamptz(3),
  elapsed_ms          float8 NOT NULL DEFAULT 0,
  created_at          timestamptz(3) NOT NULL DEFAULT now(),
  started_at          timestamptz(3),
  finished_at         timestamptz(3),
  UNIQUE (experiment_id, cell, repeat),
  -- A run that works has a worker and a heartbeat; one that ended has its time.
  CHECK (status <> 'running' OR (worker IS NOT NULL AND heartbeat_at IS NOT NULL AND attempt > 0)),
  CHECK ((status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL))
);
CREATE INDEX run_waiting ON run (kind, seq) WHERE status = 'queued';
CREATE INDEX run_working ON run (heartbeat_at) WHERE status = 'running';

CREATE TABLE metric_series (
  run_id     text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  key        text NOT NULL,
  points     int NOT NULL,
  last_step  int NOT NULL,
  last_value float8 NOT NULL,
  last_time  float8 NOT NULL,
  tail_first int NOT NULL,
  tail_size  int NOT NULL,
  PRIMARY KEY (run_id, key)
);

CREATE TABLE metric_chunk (
  run_id     text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  key        text NOT NULL,
  first_step int NOT NULL,
  last_step  int NOT NULL,
  steps      int4[] NOT NULL,
  "values"   float8[] NOT NULL,
  times      float8[] NOT NULL,
  PRIMARY KEY (run_id, key, first_step),
  CHECK (cardinality(steps) BETWEEN 1 AND 2048),
  CHECK (cardinality("values") = cardinality(steps) AND cardinality(times) = cardinality(steps))
);

CREATE TABLE example (
  run_id       text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  item_id      text NOT NULL,
  seq          bigserial NOT NULL,
  cluster      text,
  input        text NOT NULL,
  output       text NOT NULL,
  target       text,
  status       text NOT NULL CHECK (status IN ('scored', 'unscored', 'error')),
  error        text,
  score_keys   text[] NOT NULL,
  score_values float8[] NOT NULL,
  latency_ms   float8,
  ttft_ms      float8,
  tokens_in    int,
  tokens_out   int,
  cost_usd     float8,
  details      json NOT NULL,
  PRIMARY KEY (run_id, item_id),
  CHECK (cardinality(score_keys) = cardinality(score_values))
);
CREATE INDEX example_in_order ON example (run_id, seq);

CREATE TABLE checkpoint (
  run_id        text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  step          int NOT NULL,
  metric_keys   text[] NOT NULL,
  metric_values float8[] NOT NULL,
  size_bytes    bigint NOT NULL,
  created_at    timestamptz(3) NOT NULL DEFAULT now(),
  PRIMARY KEY (run_id, step)
);

CREATE TABLE checkpoint_file (
  run_id     text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  step       int NOT NULL,
  name       text NOT NULL,
  size_bytes bigint NOT NULL,
  sha256     text NOT NULL,
  committed  boolean NOT NULL DEFAULT false,
  PRIMARY KEY (run_id, step, name)
);

CREATE TABLE sample (
  run_id   text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  step     int NOT NULL,
  index    int NOT NULL,
  prompt   text NOT NULL,
  output   text NOT NULL,
  expected text,
  PRIMARY KEY (run_id, step, index)
);

CREATE TABLE log_line (
  seq     bigserial PRIMARY KEY,
  run_id  text NOT NULL REFERENCES run (id) ON DELETE CASCADE,
  time    float8 NOT NULL,
  level   text NOT NULL CHECK (level IN ('info', 'warn', 'error')),
  message text NOT NULL,
  digest  text NOT NULL,
  UNIQUE (run_id, time, digest)
);
CREATE INDEX log_line_in_order ON log_line (run_id, seq);

CREATE TABLE event (
  seq           bigserial PRIMARY KEY,
  type          text NOT NULL,
  experiment_id text,
  run_id        text,
  time          float8 NOT NULL
);

CREATE TABLE worker (
  name          text PRIMARY KEY,
  host          text NOT NULL,
  devices       json NOT NULL,
  running       text[] NOT NULL,
  first_seen_at timestamptz(3) NOT NULL DEFAULT now(),
  last_seen_at  timestamptz(3) NOT NULL DEFAULT now()
);
