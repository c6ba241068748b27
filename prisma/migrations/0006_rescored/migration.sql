-- Runs that score the stored answers of another run anew, by other scorers: no model is asked again.
-- What the link names is history: it stays when that run is gone.
ALTER TABLE run ADD COLUMN rescored_from text;
