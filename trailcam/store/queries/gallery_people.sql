-- Every box of a person in the images of the view `selected`, from $blur_from on.
SELECT p.image_id, d.x, d.y, d.w, d.h
FROM selected p
JOIN detections d ON d.image_id = p.image_id AND d.run_id = p.run_id
JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id
WHERE c.kind = 'person' AND d.confidence >= $blur_from::REAL
ORDER BY p.image_id, d.x, d.y, d.w, d.h;
