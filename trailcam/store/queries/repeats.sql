-- Boxes that repeat another box of the same photo: one animal, found twice. The one place where that is decided;
-- docs/decisions/0016-one-box-an-animal.md says what was measured.
--
-- A box repeats a box of the same photo (or frame of a video), run and kind (deer of any sex and age are one kind) that is at least as
-- confident, by itself and beside the threshold of its class, when they overlap by an IoU of 0.6, or when 0.8
-- of the smaller lies inside the other and it is no tiny part of it. A fawn before its mother repeats nobody.
UPDATE detections SET repeats = true
FROM (
    WITH boxes AS (
        SELECT
            d.rowid AS row, d.run_id, d.image_id, {frame_s} AS frame_s, d.confidence,
            d.confidence - coalesce(c.threshold, {fallback}) AS margin,
            CASE WHEN c.kind IN ('buck', 'doe', 'fawn', 'deer') THEN 'deer' ELSE c.kind END AS kind,
            c.kind = 'fawn' AS fawn,
            d.x::DOUBLE AS x, d.y::DOUBLE AS y, d.x::DOUBLE + d.w AS right_x, d.y::DOUBLE + d.h AS low_y,
            d.w::DOUBLE * d.h AS area
        FROM detections d
        JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id
        WHERE {which}
    ),
    pairs AS (
        SELECT
            b.row, a.fawn <> b.fawn AS apart, least(a.area, b.area) AS smaller, greatest(a.area, b.area) AS larger,
            greatest(0, least(a.right_x, b.right_x) - greatest(a.x, b.x))
                * greatest(0, least(a.low_y, b.low_y) - greatest(a.y, b.y)) AS shared
        FROM boxes a
        JOIN boxes b ON b.run_id = a.run_id AND b.image_id = a.image_id AND b.kind = a.kind
            AND b.frame_s IS NOT DISTINCT FROM a.frame_s
        WHERE (a.confidence > b.confidence OR (a.confidence = b.confidence AND a.row < b.row))
            AND a.margin >= b.margin
    )
    SELECT DISTINCT row
    FROM pairs
    WHERE shared >= 0.6 * (smaller + larger - shared)
        OR (NOT apart AND shared >= 0.8 * smaller AND smaller >= 0.2 * larger)
) found
WHERE detections.rowid = found.row;
