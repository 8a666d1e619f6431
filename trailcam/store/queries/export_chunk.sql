-- The photos of the registered table `chunk` (n, image_id), in its order.
SELECT
    c.n, i.image_id, r.name AS root, r.path AS root_path, i.path, s.name AS station,
    i.captured_at, i.captured_at_source, i.utc_offset_min, i.status, i.error_code, i.error_message,
    i.width, i.height, i.orientation, i.make, i.model, i.serial, i.run_id
FROM chunk c
JOIN images i USING (image_id)
JOIN stations s USING (station_id)
JOIN roots r ON r.root_id = i.root_id
ORDER BY c.n;
