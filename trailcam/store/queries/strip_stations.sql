-- What the strips of the selected photos gave, by station. With $with_exif also of photos that have an EXIF time.
SELECT
    s.station,
    count(*) AS photos,
    count(r.image_id) AS read,
    count(*) FILTER (r.counts) AS dated,
    count(*) FILTER (r.reason = 'ok' AND e.image_id IS NOT NULL) AS agree,
    count(*) FILTER (r.reason = 'exif_differs') AS differ,
    count(*) FILTER (r.image_id IS NOT NULL AND NOT r.counts AND r.reason <> 'exif_differs') AS unknown
FROM selected s
JOIN images i USING (image_id)
LEFT JOIN (SELECT * FROM time_readings WHERE source = 'strip') r ON r.image_id = s.image_id
LEFT JOIN (
    SELECT DISTINCT image_id FROM time_readings WHERE source IN ('exif', 'exif_digitized', 'maker_note')
) e ON e.image_id = s.image_id
WHERE i.status <> 'missing' AND i.error_code IS NULL AND ($with_exif OR e.image_id IS NULL)
GROUP BY s.station
ORDER BY s.station;
