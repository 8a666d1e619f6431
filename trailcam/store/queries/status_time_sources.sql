-- Images of the view `selected` by the source of their capture time.
SELECT captured_at_source AS source, count(*) AS photos
FROM selected
GROUP BY ALL
ORDER BY photos DESC, source;
