-- Every static place with the answer in force, and its station as it is by now.
WITH RECURSIVE
{query:station_now},
{query:static_in_force}
SELECT
    p.* REPLACE (n.is_now AS station_id), s.name AS station,
    a.answer_id, a.is_thing, a.automatic, a.author, a.made_at, a.uid,
    p.place_id IN (SELECT place_id FROM static_answers) AS ever_answered,
    (SELECT max(answer_id) FROM static_answers e WHERE e.place_id = p.place_id) AS last_answer_id,
    (
        SELECT count(DISTINCT b.image_id) FROM static_boxes b
        JOIN static_in_force f USING (answer_id)
        WHERE f.place_id = p.place_id AND f.is_thing
    ) AS hidden_photos
FROM static_places p
JOIN station_now n ON n.was = p.station_id
JOIN stations s ON s.station_id = n.is_now
LEFT JOIN (
    SELECT * FROM static_in_force QUALIFY row_number() OVER (PARTITION BY place_id ORDER BY answer_id DESC) = 1
) a USING (place_id)
ORDER BY p.place_id
