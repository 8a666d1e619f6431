-- Every box of a person in the images of the view `selected`, from $blur_from on: also where a correction says
-- that nobody is there. Blurring one face too many costs little.
SELECT d.image_id, d.x, d.y, d.w, d.h
FROM selected p
JOIN images i USING (image_id)
JOIN detections d ON d.image_id = i.image_id AND d.run_id = i.run_id
JOIN classes c ON c.run_id = d.run_id AND c.class_id = d.class_id
WHERE c.kind = 'person' AND d.confidence >= $blur_from::REAL
UNION
SELECT image_id, x, y, w, h FROM boxes WHERE by_person AND kind = 'person'
ORDER BY ALL;
