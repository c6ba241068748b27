-- What people do with experiments that are over, and with runs that wait.
ALTER TABLE experiment
  ADD COLUMN starred     boolean NOT NULL DEFAULT false,
  ADD COLUMN archived_at timestamptz(3),
  -- Deleted experiments are kept for a while, so that a deletion can be undone; then they are purged with their files.
  ADD COLUMN deleted_at  timestamptz(3);
CREATE INDEX experiment_deleted ON experiment (deleted_at) WHERE deleted_at IS NOT NULL;

-- Where a waiting run stands; left out: by its number, as it was queued.
ALTER TABLE run ADD COLUMN queue_order float8;

-- One row while the queue is paused, none while it is not.
CREATE TABLE queue_pause (
  id        int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
  paused_at timestamptz(3) NOT NULL DEFAULT now()
);

-- How busy a worker's machine is, as it last told.
ALTER TABLE worker ADD COLUMN load json;
