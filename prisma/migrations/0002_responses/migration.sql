-- Replies of models, stored before they are scored and found again by what was asked.
-- A reply outlives the run that paid for it, so nothing here refers to the run.
CREATE TABLE response (
  -- sha256 over provider, model, parameters, messages, repeat and sample
  key              bytea PRIMARY KEY CHECK (octet_length(key) = 32),
  run_id           text NOT NULL,
  body             json NOT NULL,
  tokens_in        int,
  tokens_out       int,
  tokens_cached    int,
  tokens_reasoning int,
  latency_ms       float8 NOT NULL,
  ttft_ms          float8,
  cost_usd         float8,
  tries            int NOT NULL,
  created_at       timestamptz(3) NOT NULL DEFAULT now()
);

ALTER TABLE example
  -- The reply came from the table above: nobody waited for it and nobody paid again.
  ADD COLUMN cached           boolean NOT NULL DEFAULT false,
  ADD COLUMN tokens_cached    int,
  ADD COLUMN tokens_reasoning int,
  ADD COLUMN judge_cost_usd   float8;

ALTER TABLE run
  -- What was paid and asked so far, over all attempts; counted when a reply is stored.
  ADD COLUMN spent_usd   float8 NOT NULL DEFAULT 0,
  ADD COLUMN spent_calls int NOT NULL DEFAULT 0,
  -- Takes the place of the experiment's budget once it was raised for this run.
  ADD COLUMN budget      json;
