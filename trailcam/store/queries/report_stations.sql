-- Each station of the view `selected`: its photos, its clock, and the events of the table `sightings`.
SELECT
    s.station,
    count(*) AS photos,
    count(*) FILTER (s.captured_at IS NOT NULL AND i.captured_at_suspect IS NULL) AS sure,
    strftime(min(s.captured_at), '%Y-%m-%d %H:%M') AS first_photo,
    strftime(max(s.captured_at), '%Y-%m-%d %H:%M') AS last_photo,
    count(i.captured_at_suspect) AS suspect,
    count(*) FILTER (s.captured_at IS NULL) AS undated,
    CASE WHEN count(s.captured_at) > 0 THEN coalesce(any_value(e.events), 0) END AS events
FROM selected s
JOIN images i USING (image_id)
LEFT JOIN (
    SELECT station, count(*) FILTER (begins) AS events FROM sightings GROUP BY station
) e ON e.station = s.station
GROUP BY s.station
ORDER BY s.station;
