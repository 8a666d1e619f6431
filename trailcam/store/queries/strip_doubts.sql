-- Why strips of the selected photos give no time, with an example. With $with_exif also of photos with an EXIF time.
SELECT r.reason, count(*) AS photos, min_by(s.path, s.image_id) AS example
FROM selected s
JOIN time_readings r ON r.image_id = s.image_id AND r.source = 'strip' AND NOT r.counts
WHERE $with_exif OR s.image_id NOT IN (
    SELECT image_id FROM time_readings WHERE source IN ('exif', 'exif_digitized', 'maker_note')
)
GROUP BY r.reason
ORDER BY photos DESC, r.reason;
