-- The photos of the registered table `chunk` (n, image_id) in the view `selected`, in its order.
SELECT
    c.n, i.image_id, r.name AS root, r.path AS root_path, i.path, p.station,
    i.captured_at, i.captured_at_source, i.utc_offset_min, p.status, i.error_code, i.error_message,
    i.width, i.height, i.orientation, i.trigger_mode, i.make, i.model, i.serial, p.run_id, p.by_person,
    p.is_video, p.duration_s, i.frame_rate, t.frames
FROM chunk c
JOIN selected p USING (image_id)
JOIN images i ON i.image_id = p.image_id
JOIN roots r ON r.root_id = i.root_id
LEFT JOIN results t ON p.is_video AND t.run_id = p.run_id AND t.image_id = p.image_id
ORDER BY c.n;
