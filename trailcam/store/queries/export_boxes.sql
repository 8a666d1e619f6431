-- The boxes of the view `counted` on the photos of the registered table `chunk` (n, image_id), the surest first.
-- A REAL becomes the shortest decimal that means it (0.7, not 0.699999988), as a reader of JSON expects.
SELECT
    c.n, b.run_id, b.class_id, b.confidence::VARCHAR::DOUBLE AS confidence,
    round(b.x::DOUBLE, 6), round(b.y::DOUBLE, 6), round(b.w::DOUBLE, 6), round(b.h::DOUBLE, 6),
    n.name AS individual, b.class_probability::VARCHAR::DOUBLE,
    b.frame_s::VARCHAR::DOUBLE
FROM chunk c
JOIN counted b USING (image_id)
LEFT JOIN named n
    ON n.image_id = b.image_id AND n.kind IS NOT NULL AND (n.x, n.y, n.w, n.h, n.class) = (b.x, b.y, b.w, b.h, b.class)
ORDER BY c.n, b.confidence DESC, b.class_id, b.x, b.y;
