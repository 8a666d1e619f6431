-- Images of the view `selected` by the source of their capture time.
SELECT i.captured_at_source AS source, count(*) AS photos
FROM selected s
JOIN images i USING (image_id)
GROUP BY ALL
ORDER BY photos DESC, source;
