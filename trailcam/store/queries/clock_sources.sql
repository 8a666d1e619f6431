-- Per station its photos that are there, copies and thumbnails aside, by the source of their capture time, and how many are infrared.
SELECT
    st.name AS station, st.timezone, st.latitude,
    count(*) AS photos,
    strftime(min(i.captured_at), '%Y-%m-%d %H:%M') AS first_photo,
    strftime(max(i.captured_at), '%Y-%m-%d %H:%M') AS last_photo,
    histogram(i.captured_at_source) AS sources,
    -- What the camera itself notes overrides what its pixels look like.
    count(*) FILTER (coalesce(i.infrared, l.colour <= $infrared_below)) AS infrared,
    count(coalesce(i.infrared, l.colour IS NOT NULL OR NULL)) AS light_known
FROM images i
JOIN stations st USING (station_id)
LEFT JOIN image_light l USING (image_id)
WHERE i.status <> 'missing' AND i.duplicate_of IS NULL AND i.thumbnail_of IS NULL
GROUP BY st.name, st.timezone, st.latitude
ORDER BY lower(st.name), st.name;
