-- How many validation items an evaluation had: more than item_ids where a sample of them was kept. NULL: as many.
ALTER TABLE item_loss ADD COLUMN evaluated_items int;
