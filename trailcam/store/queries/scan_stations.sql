SELECT
    s.name AS station,
    count(*) AS photos,
    min(i.captured_at)::DATE AS first_date,
    max(i.captured_at)::DATE AS last_date,
    count(*) FILTER (i.captured_at IS NULL) AS undated
FROM images i
JOIN stations s USING (station_id)
WHERE i.root_id = $root_id AND i.status <> 'missing' AND i.duplicate_of IS NULL AND i.thumbnail_of IS NULL
GROUP BY s.name
ORDER BY s.name;
