-- Photos of the view `selected` whose capture time is in doubt, by station and doubt.
SELECT s.station, i.captured_at_suspect AS doubt, count(*) AS photos
FROM selected s
JOIN images i USING (image_id)
WHERE i.captured_at_suspect IS NOT NULL
GROUP BY ALL
ORDER BY ALL;
