-- The judgements in force: what people say of photos, the later before the earlier.
--
-- judged: one row for each photo that a person judged. whole: at least one judgement in force is of the whole photo.
-- person_boxes: the places that were judged, with what is there; class NULL: nothing. A judgement of a whole photo
-- ends all before it, and a box takes the place of an earlier judgement's that it overlaps by an IoU of {same}.
{query:iou};
CREATE TEMP TABLE in_force AS
SELECT judgement_id, image_id, whole, made_at
FROM (
    SELECT
        *,
        max(judgement_id) FILTER (whole) OVER (PARTITION BY image_id) AS last_whole
    FROM judgements
    WHERE undone_at IS NULL
)
WHERE judgement_id >= coalesce(last_whole, 0);
CREATE TEMP TABLE judged AS
SELECT image_id, bool_or(whole) AS whole, max(made_at) AS made_at
FROM in_force
GROUP BY image_id;
CREATE TEMP TABLE person_boxes AS
WITH placed AS (
    SELECT b.* FROM judged_boxes b JOIN in_force USING (judgement_id, image_id)
)
SELECT
    image_id,
    (dense_rank() OVER (ORDER BY class, kind, age_class, species) - 1)::SMALLINT AS class_id,
    class, kind, age_class, species, x, y, w, h
FROM placed p
WHERE NOT EXISTS (
    SELECT 1 FROM placed later
    WHERE later.image_id = p.image_id AND later.judgement_id > p.judgement_id
        AND iou(later.x, later.y, later.w, later.h, p.x, p.y, p.w, p.h) >= {same}
);
