-- Every station with what is known of it and its photos; names that folders gave it, if they are others than its own.
WITH named AS (
    SELECT DISTINCT station_id, scanned_station FROM images WHERE scanned_station IS NOT NULL
    UNION SELECT station_id, name FROM station_aliases
),
other AS (
    SELECT n.station_id, string_agg(n.scanned_station, ', ' ORDER BY n.scanned_station) AS folders
    FROM named n
    JOIN stations s ON s.station_id = n.station_id AND s.name <> n.scanned_station
    GROUP BY n.station_id
),
counted AS (
    SELECT
        station_id,
        count(*) AS photos,
        min(captured_at)::DATE::VARCHAR AS first_date,
        max(captured_at)::DATE::VARCHAR AS last_date,
        count(*) FILTER (captured_at IS NULL) AS undated,
        count(DISTINCT nullif(trim(serial), '')) AS cameras
    FROM images
    WHERE status <> 'missing' AND duplicate_of IS NULL AND thumbnail_of IS NULL
    GROUP BY station_id
)
SELECT
    s.station_id, s.name AS station, s.latitude, s.longitude, s.timezone, s.notes,
    coalesce(c.photos, 0) AS photos, c.first_date, c.last_date, coalesce(c.undated, 0) AS undated,
    coalesce(c.cameras, 0) AS cameras, o.folders, s.until::VARCHAR AS until
FROM stations s
LEFT JOIN counted c USING (station_id)
LEFT JOIN other o USING (station_id)
ORDER BY lower(s.name), s.name;
