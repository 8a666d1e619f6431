-- named: the spots of `names_in_force` on the photos of `selected`, each with the box of `counted` that it lies on: of
-- those that it overlaps by an IoU of {covers} the best, if no other spot fits that box better. Without such a box (a
-- model missed the animal) the place is the spot's own, and kind, age_class, class and confidence are NULL.
CREATE TEMP TABLE named AS
WITH pairs AS (
    SELECT
        n.spot, c.image_id, c.x, c.y, c.w, c.h, c.class, c.kind, c.age_class, c.confidence, c.by_person,
        iou(c.x, c.y, c.w, c.h, n.x, n.y, n.w, n.h) AS overlap
    FROM names_in_force n
    JOIN counted c USING (image_id)
    WHERE overlap >= {covers}
),
fitting AS (
    SELECT * FROM pairs
    QUALIFY row_number() OVER (PARTITION BY spot ORDER BY overlap DESC, x, y, class) = 1
        AND row_number() OVER (PARTITION BY image_id, x, y, w, h, class ORDER BY overlap DESC, spot) = 1
)
SELECT
    s.image_id, s.station, s.captured_at, n.spot, n.name, n.naming_id, n.author, n.said_at,
    coalesce(f.x, n.x) AS x, coalesce(f.y, n.y) AS y, coalesce(f.w, n.w) AS w, coalesce(f.h, n.h) AS h,
    f.class, f.kind, f.age_class, f.confidence, f.by_person,
    n.x AS said_x, n.y AS said_y, n.w AS said_w, n.h AS said_h
FROM names_in_force n
JOIN selected s USING (image_id)
LEFT JOIN fitting f USING (spot)
