-- Hand what is known of the photos of `absorbed` to the photos that stay, then move these (`moved`).
--
-- rechosen: photos whose readings changed, so that their capture time has to be chosen anew.
UPDATE judgements SET image_id = a.owner_id FROM absorbed a WHERE judgements.image_id = a.image_id;
UPDATE judged_boxes SET image_id = a.owner_id FROM absorbed a WHERE judged_boxes.image_id = a.image_id;
UPDATE named_boxes SET image_id = a.owner_id FROM absorbed a WHERE named_boxes.image_id = a.image_id;
INSERT INTO static_boxes BY NAME
SELECT DISTINCT b.answer_id, a.owner_id AS image_id FROM static_boxes b JOIN absorbed a USING (image_id)
WHERE NOT EXISTS (FROM static_boxes o WHERE o.answer_id = b.answer_id AND o.image_id = a.owner_id);
DELETE FROM static_boxes WHERE image_id IN (SELECT image_id FROM absorbed);

-- One result for each run and photo.
CREATE OR REPLACE TEMP TABLE taken AS
SELECT r.run_id, r.image_id, a.owner_id, r.status
FROM results r
JOIN absorbed a USING (image_id)
WHERE NOT EXISTS (FROM results o WHERE o.run_id = r.run_id AND o.image_id = a.owner_id)
QUALIFY row_number() OVER (PARTITION BY r.run_id, a.owner_id ORDER BY r.status, r.image_id) = 1;
UPDATE results SET image_id = t.owner_id FROM taken t
WHERE results.run_id = t.run_id AND results.image_id = t.image_id;
UPDATE detections SET image_id = t.owner_id FROM taken t
WHERE detections.run_id = t.run_id AND detections.image_id = t.image_id;
DELETE FROM results WHERE image_id IN (SELECT image_id FROM absorbed);
DELETE FROM detections WHERE image_id IN (SELECT image_id FROM absorbed);

-- What a digest reported of one of them it has reported of all.
UPDATE digest_photos SET image_id = a.owner_id, looked_at = CASE
    WHEN digest_photos.looked_at IS NOT NULL THEN greatest(digest_photos.looked_at, l.looked_at) END
FROM absorbed a
LEFT JOIN (
    SELECT image_id, min(looked_at) AS looked_at FROM results WHERE status = 'completed' GROUP BY image_id
) l ON l.image_id = a.owner_id
WHERE digest_photos.image_id = a.image_id;

-- Times: the name is the new file's; of other sources the photo keeps its own reading.
CREATE OR REPLACE TEMP TABLE renamed AS
SELECT m.image_id
FROM moved m
LEFT JOIN (SELECT * FROM time_readings WHERE source = 'filename') o ON o.image_id = m.image_id
LEFT JOIN (SELECT * FROM time_readings WHERE source = 'filename') p ON p.image_id = m.place_id
WHERE o.value IS DISTINCT FROM p.value;
DELETE FROM time_readings WHERE source = 'filename' AND image_id IN (SELECT image_id FROM renamed);
CREATE OR REPLACE TEMP TABLE readings_taken AS
SELECT t.image_id, a.owner_id, t.source
FROM time_readings t
JOIN absorbed a USING (image_id)
WHERE CASE
    WHEN t.source = 'filename' THEN a.is_place AND a.owner_id IN (SELECT image_id FROM renamed)
    ELSE t.source <> 'correction' -- follows from the shifts
        AND NOT EXISTS (FROM time_readings o WHERE o.image_id = a.owner_id AND o.source = t.source)
END
QUALIFY row_number() OVER (PARTITION BY a.owner_id, t.source ORDER BY t.image_id) = 1;
INSERT INTO time_readings BY NAME
SELECT r.* REPLACE (t.owner_id AS image_id) FROM time_readings r JOIN readings_taken t USING (image_id, source);
CREATE OR REPLACE TEMP TABLE shifts_taken AS
SELECT a.owner_id, min(s.image_id) AS image_id
FROM shifted_images s
JOIN absorbed a USING (image_id)
WHERE a.owner_id NOT IN (SELECT image_id FROM shifted_images)
GROUP BY a.owner_id;
UPDATE shifted_images SET image_id = t.owner_id FROM shifts_taken t WHERE shifted_images.image_id = t.image_id;
DELETE FROM shifted_images WHERE image_id IN (SELECT image_id FROM absorbed);
CREATE OR REPLACE TEMP TABLE rechosen AS
SELECT image_id FROM renamed UNION SELECT owner_id FROM readings_taken UNION SELECT owner_id FROM shifts_taken;
INSERT INTO image_light BY NAME
SELECT a.owner_id AS image_id, any_value(l.colour) AS colour FROM image_light l JOIN absorbed a USING (image_id)
WHERE a.owner_id NOT IN (SELECT image_id FROM image_light) GROUP BY a.owner_id;
DELETE FROM image_light WHERE image_id IN (SELECT image_id FROM absorbed);

UPDATE images SET
    root_id = p.root_id, path = p.path, size_bytes = p.size_bytes, mtime_ns = p.mtime_ns,
    station_id = p.station_id, scanned_station = p.scanned_station, scanned_at = p.scanned_at,
    latitude = coalesce(images.latitude, p.latitude), longitude = coalesce(images.longitude, p.longitude),
    content_id = coalesce(images.content_id, p.content_id), whole_id = coalesce(images.whole_id, p.whole_id),
    status = CASE
        WHEN images.run_id IS NOT NULL THEN 'completed' WHEN images.error_code IS NOT NULL THEN 'failed'
        ELSE 'pending'
    END
FROM moved m JOIN images p ON p.image_id = m.place_id
WHERE images.image_id = m.image_id;

UPDATE images SET duplicate_of = NULL, status = CASE WHEN status = 'missing' THEN status ELSE 'pending' END
WHERE image_id IN (SELECT image_id FROM parted);
UPDATE images SET
    duplicate_of = a.owner_id, run_id = NULL, error_code = NULL, error_message = NULL, status = 'pending'
FROM absorbed a WHERE a.image_id = images.image_id AND NOT a.dropped;
DELETE FROM images WHERE image_id IN (SELECT image_id FROM absorbed WHERE dropped);
DELETE FROM time_readings WHERE image_id IN (SELECT image_id FROM absorbed WHERE dropped);
