-- edited: photos whose file was changed in place and whose old content is nowhere: most programs that do so (tags, a
-- rotation) leave it the same shot, so the new file is the old photo. Its results described other bytes and go; what
-- people said of it stays. Not so where EXIF tells of another shot: there another photo took the path.
CREATE OR REPLACE TEMP TABLE edited AS
SELECT o.image_id, n.image_id AS new_id, o.first_seen_at
FROM images o
JOIN images n ON n.root_id = o.root_id AND o.path = '.replaced/' || o.image_id || '/' || n.path
LEFT JOIN (SELECT * FROM time_readings WHERE source = 'exif') a ON a.image_id = o.image_id
LEFT JOIN (SELECT * FROM time_readings WHERE source = 'exif') b ON b.image_id = n.image_id
WHERE starts_with(o.path, '.replaced/') AND o.status = 'missing' AND n.status <> 'missing'
    AND o.duplicate_of IS NULL AND n.duplicate_of IS NULL AND n.run_id IS NULL
    AND NOT EXISTS (FROM judgements j WHERE j.image_id = n.image_id)
    AND NOT EXISTS (FROM named_boxes b WHERE b.image_id = n.image_id)
    AND NOT coalesce(a.value <> b.value OR o.serial <> n.serial OR o.model <> n.model, false)
QUALIFY row_number() OVER (PARTITION BY n.image_id ORDER BY o.run_id IS NULL, o.image_id) = 1;
DELETE FROM results WHERE image_id IN (SELECT image_id FROM edited);
DELETE FROM detections WHERE image_id IN (SELECT image_id FROM edited);
DELETE FROM time_readings WHERE image_id IN (SELECT image_id FROM edited);
DELETE FROM image_light WHERE image_id IN (SELECT image_id FROM edited);
UPDATE time_readings SET image_id = e.image_id FROM edited e WHERE time_readings.image_id = e.new_id;
DELETE FROM images WHERE image_id IN (SELECT image_id FROM edited);
UPDATE images SET image_id = e.image_id, first_seen_at = e.first_seen_at FROM edited e
WHERE images.image_id = e.new_id;
UPDATE images SET duplicate_of = e.image_id FROM edited e WHERE images.duplicate_of = e.new_id;
INSERT INTO rechosen
SELECT image_id FROM edited WHERE image_id IN (SELECT image_id FROM shifted_images);
