-- What a chart of a long series needs of a chunk, written once the chunk is full, so that a curve of 100,000 points is not
-- read whole to draw 600. NULL: not written (yet); the points themselves are read then.
ALTER TABLE metric_chunk ADD COLUMN overview float8[];

-- Groups of 128 neighbouring points, eight numbers each: first and last step, lowest and highest finite value (NULL without
-- one), last value, its time, number of points, how many of them are NaN or infinite.
CREATE FUNCTION metric_overview(steps int[], point_values float8[], times float8[]) RETURNS float8[] LANGUAGE sql IMMUTABLE AS $$
  SELECT array_agg(number ORDER BY part, place) FROM (
    SELECT (place - 1) / 128 AS part, min(step) AS first_step, max(step) AS last_step,
           min(value) FILTER (WHERE value > '-Infinity' AND value < 'Infinity') AS lowest,
           max(value) FILTER (WHERE value > '-Infinity' AND value < 'Infinity') AS highest,
           (array_agg(value ORDER BY place DESC))[1] AS last_value, (array_agg(time ORDER BY place DESC))[1] AS last_time,
           count(*) AS points, count(*) FILTER (WHERE value IN ('NaN', 'Infinity', '-Infinity')) AS odd
    FROM unnest(steps, point_values, times) WITH ORDINALITY AS point (step, value, time, place) GROUP BY 1
  ) AS parts, LATERAL unnest(ARRAY[first_step, last_step, lowest, highest, last_value, last_time, points, odd]::float8[]) WITH ORDINALITY AS numbers (number, place)
$$;

UPDATE metric_chunk c SET overview = metric_overview(steps, "values", times)
WHERE EXISTS (SELECT 1 FROM metric_chunk later WHERE later.run_id = c.run_id AND later.key = c.key AND later.first_step > c.first_step);
