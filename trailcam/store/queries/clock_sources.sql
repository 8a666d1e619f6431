-- Per station its photos that are there, by the source of their capture time, and how many are infrared.
SELECT
    st.name AS station, st.timezone, st.latitude,
    count(*) AS photos,
    strftime(min(i.captured_at), '%Y-%m-%d %H:%M') AS first_photo,
    strftime(max(i.captured_at), '%Y-%m-%d %H:%M') AS last_photo,
    count(*) FILTER (captured_at_source = 'correction') AS correction,
    count(*) FILTER (captured_at_source = 'exif') AS exif,
    count(*) FILTER (captured_at_source = 'exif_digitized') AS exif_digitized,
    count(*) FILTER (captured_at_source = 'strip') AS strip,
    count(*) FILTER (captured_at_source = 'exif_modified') AS exif_modified,
    count(*) FILTER (captured_at_source = 'filename') AS filename,
    count(*) FILTER (captured_at_source = 'unknown') AS unknown,
    count(*) FILTER (l.colour <= $infrared_below) AS infrared,
    count(l.colour) AS light_known
FROM images i
JOIN stations st USING (station_id)
LEFT JOIN image_light l USING (image_id)
WHERE i.status <> 'missing'
GROUP BY st.name, st.timezone, st.latitude
ORDER BY lower(st.name), st.name;
