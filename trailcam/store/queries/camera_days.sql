-- camera_days: each day on which a station's camera counts as working, one row for a station and a day.
-- silences: when it didn't, with the first and the last day, the reason and whether somebody declared it (`effort_gaps`).
-- A camera works from the day of its first photo to that of its last, less the breaks of more than $silent_days days and what
-- was declared. All photos of a station count, whatever was found on them, unless their time is in doubt. A station that was
-- given up has no day after its last.
CREATE TEMP TABLE photo_days AS
SELECT
    s.station_id, s.name AS station, i.captured_at::DATE AS day,
    lead(i.captured_at::DATE) OVER (PARTITION BY s.name ORDER BY i.captured_at::DATE) AS next_day
FROM (
    SELECT DISTINCT station_id, captured_at::DATE AS captured_at
    FROM images
    WHERE captured_at IS NOT NULL AND captured_at_suspect IS NULL AND duplicate_of IS NULL
) i
JOIN stations s USING (station_id)
WHERE s.until IS NULL OR i.captured_at <= s.until;
CREATE TEMP TABLE declared_days AS
SELECT station, day, max(reason) AS reason
FROM (
    SELECT s.name AS station, unnest(range(g.first_day, g.last_day + 1, INTERVAL 1 DAY))::DATE AS day, g.reason
    FROM effort_gaps g
    JOIN stations s USING (station_id)
)
GROUP BY station, day;
-- A battery is what failed where the camera's voltage is higher by a tenth after the break: somebody put in fresh ones.
CREATE TEMP TABLE breaks AS
WITH found AS (
    SELECT station_id, station, day AS last_seen, next_day AS seen_again
    FROM photo_days WHERE next_day - day - 1 > $silent_days
),
volts AS (
    SELECT
        f.station_id, f.last_seen,
        arg_max(i.battery_v, i.captured_at) FILTER (i.captured_at::DATE = f.last_seen) AS before,
        arg_min(i.battery_v, i.captured_at) FILTER (i.captured_at::DATE = f.seen_again) AS after
    FROM found f
    JOIN images i ON i.station_id = f.station_id AND i.captured_at::DATE IN (f.last_seen, f.seen_again)
    WHERE i.battery_v IS NOT NULL
    GROUP BY ALL
)
SELECT f.station, f.last_seen, f.seen_again, CASE WHEN v.after >= 1.1 * v.before THEN 'battery' ELSE 'silent' END AS reason
FROM found f
LEFT JOIN volts v ON v.station_id = f.station_id AND v.last_seen = f.last_seen;
CREATE TEMP TABLE silences AS
WITH days AS (
    SELECT station, day, reason, true AS declared FROM declared_days
    UNION ALL
    SELECT
        station, unnest(range(last_seen + 1, seen_again, INTERVAL 1 DAY))::DATE AS day, reason, false AS declared
    FROM breaks
),
-- What somebody declared says more than what was derived.
one_each AS (
    SELECT station, day, arg_max(reason, declared) AS reason, bool_or(declared) AS declared FROM days GROUP BY station, day
)
SELECT station, min(day) AS first_day, max(day) AS last_day, reason, declared
FROM (
    SELECT
        *, day - (row_number() OVER (PARTITION BY station, reason, declared ORDER BY day))::INTEGER AS island
    FROM one_each
)
GROUP BY station, reason, declared, island;
CREATE TEMP TABLE camera_days AS
SELECT d.station, d.day
FROM (
    SELECT station, unnest(
        CASE
            WHEN next_day IS NULL OR next_day - day - 1 > $silent_days THEN [day]
            ELSE list_transform(range(next_day - day), lambda n: day + n::INTEGER)
        END
    ) AS day
    FROM photo_days
) d
ANTI JOIN declared_days g ON g.station = d.station AND g.day = d.day;
