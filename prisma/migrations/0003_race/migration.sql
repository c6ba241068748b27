-- Races: runs answer in rounds and may be stopped early, with what they have kept.
ALTER TABLE experiment
  -- {plan, looks}: how the race is run, and the numbers of items at the looks taken so far.
  ADD COLUMN race json;

ALTER TABLE run
  -- How many items the run may answer now; null outside of races: all of them.
  ADD COLUMN allowance int CHECK (allowance > 0),
  -- How the run stands in its race, as people read it.
  ADD COLUMN race json,
  -- The attempt that ended the last round; those after it are tries of the present one.
  ADD COLUMN round_attempt int NOT NULL DEFAULT 0;

-- waiting: has answered what it may, and waits for the others. stopped: fell behind in a race; its figures stay.
ALTER TABLE run DROP CONSTRAINT run_status_check;
ALTER TABLE run ADD CONSTRAINT run_status_check CHECK (status IN ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled', 'stopped'));
ALTER TABLE run DROP CONSTRAINT run_check1;
ALTER TABLE run ADD CONSTRAINT run_ended_check CHECK ((status IN ('succeeded', 'failed', 'cancelled', 'stopped')) = (finished_at IS NOT NULL));
ALTER TABLE run ADD CONSTRAINT run_waiting_check CHECK (status <> 'waiting' OR allowance IS NOT NULL);
