-- Days of a station on which all photos were looked at and no box, however unsure, was stored; with up to three photos.
-- What is declared already is left out.
SELECT s.name AS station, i.captured_at::DATE AS day, list((r.path, i.path) ORDER BY hash(i.image_id))[1:3] AS paths
FROM images i
JOIN stations s ON s.station_id = i.station_id
JOIN roots r ON r.root_id = i.root_id
WHERE i.captured_at IS NOT NULL AND i.captured_at_suspect IS NULL AND i.duplicate_of IS NULL AND i.status <> 'missing'
GROUP BY s.name, i.station_id, day
HAVING bool_and(i.status = 'completed')
    AND bool_and(i.image_id NOT IN (SELECT image_id FROM detections))
    AND NOT bool_or(EXISTS (
        FROM effort_gaps g
        WHERE g.station_id = i.station_id AND i.captured_at::DATE BETWEEN g.first_day AND g.last_day
    ))
ORDER BY station, day;
