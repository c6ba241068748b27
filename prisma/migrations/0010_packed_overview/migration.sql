-- The overview of a full chunk is packed, and comes in three grains: groups of 2,048, 512 and 128 points. A chart of a very long
-- series reads the coarsest that has a group for each of its buckets, as bytes and not as text.
ALTER FUNCTION metric_overview RENAME TO metric_groups;

-- One element for each grain, the coarsest first; in it groups of 48 bytes (big-endian): first and last step (int4), lowest and
-- highest finite value (float8, NaN without one), last value, its time (float8), number of points, how many of them are NaN or
-- infinite (int4).
CREATE FUNCTION pack_groups(numbers float8[]) RETURNS bytea[] LANGUAGE sql IMMUTABLE AS $$
  WITH parts AS (
    SELECT (place - 1) / 8 AS part, (array_agg(number ORDER BY place)) AS n
    FROM unnest(numbers) WITH ORDINALITY AS flat (number, place) GROUP BY 1
  ), groups AS (
    SELECT width, part / width AS place, min(n[1])::int AS first_step, max(n[2])::int AS last_step, min(n[3]) AS lowest, max(n[4]) AS highest,
           (array_agg(n[5] ORDER BY part DESC))[1] AS last_value, (array_agg(n[6] ORDER BY part DESC))[1] AS last_time, sum(n[7])::int AS points, sum(n[8])::int AS odd
    FROM parts, (VALUES (16), (4), (1)) AS grain (width) GROUP BY 1, 2
  )
  SELECT array_agg(bytes ORDER BY width DESC) FROM (
    SELECT width, string_agg(int4send(first_step) || int4send(last_step) || float8send(coalesce(lowest, 'NaN')) || float8send(coalesce(highest, 'NaN'))
                             || float8send(last_value) || float8send(last_time) || int4send(points) || int4send(odd), ''::bytea ORDER BY place) AS bytes
    FROM groups GROUP BY width
  ) AS grains
$$;

CREATE FUNCTION metric_overview(steps int[], point_values float8[], times float8[]) RETURNS bytea[] LANGUAGE sql IMMUTABLE AS $$
  SELECT pack_groups(metric_groups(steps, point_values, times))
$$;

ALTER TABLE metric_chunk ADD COLUMN packed bytea[];
UPDATE metric_chunk SET packed = pack_groups(overview) WHERE overview IS NOT NULL;
ALTER TABLE metric_chunk DROP COLUMN overview;
ALTER TABLE metric_chunk RENAME COLUMN packed TO overview;
