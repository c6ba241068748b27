-- A view as it was when it was shared. It stays true when runs change, so nothing refers to them.
CREATE TABLE share (
  token      text PRIMARY KEY,
  title      text NOT NULL,
  view       json NOT NULL,
  created_at timestamptz(3) NOT NULL DEFAULT now()
);
