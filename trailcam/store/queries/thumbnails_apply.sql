-- Each image's thumbnail_of, by the table `thumbnails`: the original with the same picture. A thumbnail of a thumbnail is one of
-- the original. What people said of a thumbnail holds for the photo.
CREATE OR REPLACE TEMP TABLE found AS
SELECT t.image_id, max_by(t.original_id, (o.width::BIGINT * o.height, -o.image_id)) AS original_id
FROM thumbnails t
JOIN images i ON i.image_id = t.image_id AND i.size_bytes = t.image_bytes AND i.duplicate_of IS NULL
JOIN images o ON o.image_id = t.original_id AND o.size_bytes = t.original_bytes AND o.duplicate_of IS NULL
WHERE t.same_picture
GROUP BY t.image_id;
DELETE FROM found WHERE original_id IN (SELECT image_id FROM found);
UPDATE images SET thumbnail_of = NULL
WHERE thumbnail_of IS NOT NULL AND image_id NOT IN (SELECT image_id FROM found);
UPDATE images SET thumbnail_of = f.original_id FROM found f
WHERE f.image_id = images.image_id AND images.thumbnail_of IS DISTINCT FROM f.original_id;
UPDATE judgements SET image_id = f.original_id FROM found f WHERE judgements.image_id = f.image_id;
UPDATE judged_boxes SET image_id = f.original_id FROM found f WHERE judged_boxes.image_id = f.image_id;
UPDATE named_boxes SET image_id = f.original_id FROM found f WHERE named_boxes.image_id = f.image_id;
DROP TABLE temp.found;
