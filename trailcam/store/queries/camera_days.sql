-- camera_days: each day on which a station's camera counts as working, one row for a station and a day.
-- silences: the breaks of more than $silent_days days, with the first and the last day without a photo.
-- A camera works from the day of its first photo to that of its last, less the silences. All photos of a
-- station count, whatever was found on them, unless their time is in doubt. A station that was given up has no
-- day after its last.
CREATE TEMP TABLE photo_days AS
SELECT
    s.name AS station, i.captured_at::DATE AS day,
    lead(i.captured_at::DATE) OVER (PARTITION BY s.name ORDER BY i.captured_at::DATE) AS next_day
FROM (
    SELECT DISTINCT station_id, captured_at::DATE AS captured_at
    FROM images
    WHERE captured_at IS NOT NULL AND captured_at_suspect IS NULL AND duplicate_of IS NULL
) i
JOIN stations s USING (station_id)
WHERE s.until IS NULL OR i.captured_at <= s.until;
CREATE TEMP TABLE silences AS
SELECT station, day + 1 AS first_day, next_day - 1 AS last_day
FROM photo_days
WHERE next_day - day - 1 > $silent_days;
CREATE TEMP TABLE camera_days AS
SELECT station, unnest(
    CASE
        WHEN next_day IS NULL OR next_day - day - 1 > $silent_days THEN [day]
        ELSE list_transform(range(next_day - day), lambda n: day + n::INTEGER)
    END
) AS day
FROM photo_days;
