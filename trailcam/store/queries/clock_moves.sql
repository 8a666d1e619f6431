-- By how much the clock of a photo runs ahead of its station's usual one, where files state both UTC
-- offsets: summer time in a winter's library, or the other way round. It is empty where a station has one offset.
-- Offsets further apart are no summer time but another kind of clock, and a correction is in the station's own time.
WITH stated AS (
    SELECT image_id, station_id, utc_offset_min
    FROM images
    WHERE utc_offset_min IS NOT NULL AND captured_at IS NOT NULL AND captured_at_source <> 'correction'
),
usual AS (
    SELECT station_id, arg_max(utc_offset_min, (n, -utc_offset_min)) AS offset_min
    FROM (SELECT station_id, utc_offset_min, count(*) AS n FROM stated GROUP BY ALL)
    GROUP BY station_id
    HAVING count(*) > 1
)
SELECT s.image_id, to_minutes(s.utc_offset_min - u.offset_min) AS ahead
FROM stated s
JOIN usual u USING (station_id)
WHERE s.utc_offset_min <> u.offset_min AND abs(s.utc_offset_min - u.offset_min) <= 120;
