-- The view `selected` as one flat table: a row for each box of the view `counted`, and one with empty box columns for a
-- photo without any, so that no photo is dropped. by_person: a person says so, of the box or of the photo. event_...: the
-- visit of the box (numbers count within this table), and what all photos of it say, from the table `animals`.
-- individual: what people call the buck. moon: that of the photo's night by the almanac; moon_phase: by the camera.
-- frame_s: when in a video the box was seen.
SELECT
    i.image_id, r.name AS root, i.path, s.station, s.captured_at, i.captured_at_source, i.captured_at_suspect,
    s.status, i.error_code, i.error_message,
    CASE WHEN i.orientation IN (5, 6, 7, 8) THEN i.height ELSE i.width END AS width,
    CASE WHEN i.orientation IN (5, 6, 7, 8) THEN i.width ELSE i.height END AS height,
    i.make, i.model, i.serial, s.run_id, runs.weights_name AS weights,
    d.class, d.kind, d.age_class, d.species, d.confidence, d.x, d.y, d.w, d.h,
    coalesce(d.by_person, s.by_person) AS by_person,
    i.trigger_mode, i.camera_event, i.sequence_position, i.sequence_length, i.temperature_c, i.temperature_f,
    i.moon_phase, i.infrared, i.battery_v, i.camera_label,
    a.visit AS event, a.class AS event_class, a.kind AS event_kind, a.age_class AS event_age_class,
    n.name AS individual,
    strip.strip_temperature_c, d.class_probability, nights.moon, d.frame_s, s.is_video, s.duration_s
FROM selected s
JOIN images i USING (image_id)
JOIN roots r ON r.root_id = i.root_id
LEFT JOIN runs ON runs.run_id = s.run_id
LEFT JOIN (
    SELECT
        image_id, max(try_cast(json_extract_string(detail, '$.temperature_c') AS DOUBLE)) AS strip_temperature_c
    FROM time_readings
    WHERE source = 'strip' AND detail IS NOT NULL
    GROUP BY image_id
) strip ON strip.image_id = i.image_id
LEFT JOIN nights
    ON s.captured_at IS NOT NULL -- least() passes over NULL
    AND nights.night = least(CAST(s.captured_at + INTERVAL 12 HOUR AS DATE), DATE '9999-12-31')
LEFT JOIN counted d ON d.image_id = i.image_id
LEFT JOIN animals a ON a.image_id = d.image_id AND a.run_id = d.run_id AND a.class_id = d.class_id
LEFT JOIN named n
    ON n.image_id = d.image_id AND n.kind IS NOT NULL AND (n.x, n.y, n.w, n.h, n.class) = (d.x, d.y, d.w, d.h, d.class)
ORDER BY s.root_id, i.path, i.image_id, d.confidence DESC, d.class, d.x, d.y
