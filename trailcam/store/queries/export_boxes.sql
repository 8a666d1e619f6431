-- The boxes that count on the photos of the registered table `chunk` (n, image_id), the surest first.
-- A REAL becomes the shortest decimal that means it (0.7, not 0.699999988), as a reader of JSON expects.
SELECT
    c.n, d.run_id, d.class_id, d.confidence::VARCHAR::DOUBLE AS confidence,
    round(d.x::DOUBLE, 6), round(d.y::DOUBLE, 6), round(d.w::DOUBLE, 6), round(d.h::DOUBLE, 6)
FROM chunk c
JOIN images i USING (image_id)
JOIN detections d ON d.image_id = i.image_id AND d.run_id = i.run_id
JOIN classes k ON k.run_id = d.run_id AND k.class_id = d.class_id
WHERE d.confidence >= coalesce($confidence, k.threshold, $fallback)::REAL
ORDER BY c.n, d.confidence DESC, d.class_id, d.x, d.y;
